-- A subscription with filters delivers what passes them, and its place moves on over the rest.
select plan(7);

select esdb.append_event('s' || n % 2, 'T' || n % 5, '{}', bounded_context => case n % 2 when 0 then 'n' else 'b' end, group_context => 'm')
from generate_series(1, 50) as g (n);
call settle();
select esdb.create_subscription('fives', event_types => array['T0'], bounded_contexts => array['n']);
select is(claimed('fives', 'w', 3), '10 20 30', 'the first that pass');
select esdb.ack('fives', token_of('w'), 30);
select is((select l.position from esdb.subscription_lag as l), 30::bigint, 'no further than what was looked at');
select is(claimed('fives', 'w', 3), '40 50', 'the rest');
select esdb.ack('fives', token_of('w'), 50);
select esdb.append_event('s1', 'T0', '{}');
call settle();
select is(claimed('fives', 'w', 3), 'none', 'of another context');
select is((select l.position from esdb.subscription_lag as l), 51::bigint, 'the place is behind it');
select esdb.append_event('s0', 'T0', '{}');
call settle();
select is(claimed('fives', 'w', 3), '52', 'of this one');
select is((select count(*) from esdb.subscription_checkpoints), 1::bigint, 'one checkpoint is kept');

select * from finish();
