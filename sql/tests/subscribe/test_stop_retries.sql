-- What waited behind a parked event is delivered as often as any other before it is parked: max_attempts times, alone and
-- after a pause, while what waits behind it stays there and other aggregates go on.
select plan(16);

update esdb.settings set value = '0' where name = 'retry_delay';
-- 1 3 5 … of s1, 2 4 6 … of s0
select esdb.append_event('s' || n % 2, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 8) as g (n);
call settle();
select esdb.create_subscription('all', max_attempts => 2, on_failure => 'stop');

select is(claimed('all', 'w', 1), '1', 'the first');
select esdb.nack('all', token_of('w'), 1, 'x');
select is(claimed('all', 'w', 1), '1(2)', 'again');
select esdb.nack('all', token_of('w'), 1, 'x');
select is(claimed('all', 'w', 1), '2', 'parked');
select esdb.ack('all', token_of('w'), 2);
select is(claimed('all', 'w', 100), '4', 'the rest of its aggregate waits');
select esdb.ack('all', token_of('w'), 4);
select is(claimed('all', 'w', 100), '6', 'wherever it comes');
select esdb.ack('all', token_of('w'), 6);
select esdb.discard_parked('all', 1);

select is(claimed('all', 'w', 100), '3 5', 'then what waited comes');
select lives_ok($$select esdb.nack('all', token_of('w'), 3, 'y')$$, 'it fails for the first time');
select results_eq(
    'select p.position, state, attempts, reason from esdb.parked_events as p',
    $$values (3::bigint, 'retry' collate "C", 1, 'y'), (5, 'waiting', 0, null)$$, 'and is not parked for that');
select is(claimed('all', 'w', 100, '1 microsecond'), '3(2)', 'it comes again, alone');
select is(claimed('all', 'w', 100), '8', 'the lease that lapsed was its last');
select results_eq(
    'select p.position, state, attempts from esdb.parked_events as p',
    $$values (3::bigint, 'failed' collate "C", 2), (5, 'waiting', 0), (7, 'waiting', 0)$$, 'it is parked, and the others wait');
select esdb.ack('all', token_of('w'), 8);
select esdb.discard_parked('all', 3);

update esdb.settings set value = '1 hour' where name = 'retry_delay';
select is(claimed('all', 'w', 1), '5', 'the next');
select esdb.nack('all', token_of('w'), 5, 'z');
select is(claimed('all', 'w', 100), 'none', 'it rests, and what is behind it waits');
select esdb.append_event('s0', 'T', '{}');
call settle();
select is(claimed('all', 'w', 100), '9', 'other aggregates go on');
select esdb.ack('all', token_of('w'), 9);
update esdb.subscription_parkings set retry_at = clock_timestamp() - interval '1 second' where retry_at is not null;
select is(claimed('all', 'w', 100), '5(2)', 'after the pause it comes');
select esdb.ack('all', token_of('w'), 5);
select is(claimed('all', 'w', 100), '7', 'and then the one behind it');

select * from finish();
