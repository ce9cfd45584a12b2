-- A worker claims, handles and acknowledges; the store keeps the place, and each event comes once, in order.
select plan(24);

select esdb.append_event('s' || n % 3, 'T' || n % 2, '{}', bounded_context => 'n', group_context => 'm')
from generate_series(1, 10) as g (n);
call settle();
select esdb.create_subscription('all');

select is(claimed('all', 'a', 4), '1 2 3 4', 'the first events');
select is(claimed('all', 'b', 4), 'none', 'nobody else gets the partition while the lease holds');
select is(claimed('all', 'a', 4), 'none', 'nor does the worker itself, by another claim');
select is((select worker from esdb.subscription_lag), 'a', 'the lag tells who is at it');
select lives_ok($$select esdb.ack('all', token_of('a'), 4)$$, 'the last one is acknowledged');
select is((select worker from esdb.subscription_lag), null, 'nobody is at it any more');
select is((select l.position from esdb.subscription_lag as l), 4::bigint, 'it is at 4');
select refused(
    $$select esdb.ack('all', token_of('a'), 4)$$, 'SE021', '{"subscription" : "all", %',
    'not once more: a transaction that is repeated must not have its effects twice'
);
select is(claimed('all', 'b', 4), '5 6 7 8', 'another worker goes on');
select refused($$select esdb.ack('all', token_of('a'), 8)$$, 'SE021', '{"subscription" : "all", "partition" : 0, "token" : %', 'not with an old token');
select refused($$select esdb.ack('all', token_of('b'), 9)$$, 'SE009', 'position: 9; the lease has events up to 8', 'not beyond the lease');
select refused($$select esdb.ack('all', token_of('b'), 3)$$, 'SE009', 'position: 3; %', 'not before what is acknowledged');
select refused($$select esdb.ack('all', token_of('b'), null)$$, 'SE009', 'position: null; %', 'not null');
select lives_ok($$select esdb.ack('all', token_of('b'), 6)$$, 'a part is acknowledged');
select is(claimed('all', 'a', 4), 'none', 'the lease goes on');
select lives_ok($$select esdb.ack('all', token_of('b'), 6)$$, 'the same position again prolongs it');
select lives_ok($$select esdb.ack('all', token_of('b'), 8)$$, 'and the rest');
select is(claimed('all', 'a'), '9 10', 'what is left');
select lives_ok($$select esdb.ack('all', token_of('a'), 10)$$, 'all is handled');
select is(claimed('all', 'a'), 'none', 'nothing to do');
select results_eq(
    'select l.position, events_behind, seconds_behind from esdb.subscription_lag as l',
    'values (10::bigint, 0::bigint, 0::double precision)',
    'nothing is behind'
);

begin;
select esdb.append_event('s1', 'T', '{}');
select is(claimed('all', 'a'), 'none', 'what is not committed is not delivered');
commit;
call settle();
begin;
select is(claimed('all', 'a'), '11', 'what is, is');
rollback;
select is(claimed('all', 'a'), '11', 'a claim that was rolled back is none');

select * from finish();
