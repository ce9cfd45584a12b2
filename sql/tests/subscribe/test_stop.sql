-- Where on_failure is stop, the rest of a parked event's aggregate waits behind it, and comes in order when it is
-- replayed or discarded; other aggregates go on.
select plan(22);

update esdb.settings set value = '0' where name = 'retry_delay';
-- 1 4 7 … of s1, 2 5 8 … of s2, 3 6 9 … of s0
select esdb.append_event('s' || n % 3, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 12) as g (n);
call settle();
select esdb.create_subscription('all', max_attempts => 1, on_failure => 'stop');

select is(claimed('all', 'w', 3), '1 2 3', 'the first');
select esdb.nack('all', token_of('w'), 1, 'x');
select is(claimed('all', 'w', 100), '2 3', 'up to the next of the parked one''s aggregate');
select esdb.ack('all', token_of('w'), 3);
select is(claimed('all', 'w', 2), '5', 'which waits');
select is((select l.position from esdb.subscription_lag as l), 4::bigint, 'and is done with');
select results_eq(
    'select p.position, state from esdb.parked_events as p',
    $$values (1::bigint, 'failed' collate "C"), (4, 'waiting')$$, 'behind the failed one');
select refused($$select esdb.replay_parked('all', 4)$$, 'SE009', '%no failed event at 4', 'what waits has not failed');
select esdb.ack('all', token_of('w'), 5);
select is(claimed('all', 'w', 100), '6', 'the next');
select esdb.ack('all', token_of('w'), 6);
select is(claimed('all', 'w', 100), '8 9', 'and the next');
select esdb.ack('all', token_of('w'), 9);

select lives_ok($$select esdb.replay_parked('all')$$, 'try again');
select is(claimed('all', 'w', 2), '1(2) 4', 'the failed one, and what waits follows it');
select lives_ok($$select esdb.nack('all', token_of('w'), 4, 'y')$$, '1 works, but 4 does not');
select results_eq(
    'select p.position, state, attempts, reason from esdb.parked_events as p',
    $$values (4::bigint, 'failed' collate "C", 1, 'y'), (7, 'waiting', 0, null)$$, 'so 7 waits behind 4');
select is(claimed('all', 'w', 100), '11 12', 'the others go on; 10 waits');
select esdb.ack('all', token_of('w'), 12);
select is(claimed('all', 'w', 100), 'none', 'nothing to do');

select refused($$select esdb.discard_parked('all', 7)$$, 'SE009', '%no failed event at 7', 'what waits is not given up');
select lives_ok($$select esdb.discard_parked('all')$$, '4 is given up');
select is(claimed('all', 'w', 1), '7', 'what waited comes');
select esdb.append_event('s1', 'T', '{}');
call settle();
select esdb.ack('all', token_of('w'), 7);
select is(claimed('all', 'w', 100, '1 microsecond'), '10', 'in order');
select is(claimed('all', 'w', 100), 'none', 'a lease of parked events that lapses is a failure; the newest event of the aggregate waits');
select results_eq(
    'select p.position, state from esdb.parked_events as p',
    $$values (10::bigint, 'failed' collate "C"), (13, 'waiting')$$, 'behind it');
select esdb.discard_parked('all', 10);
select is(claimed('all', 'w', 100), '13', 'and comes at last');
select lives_ok($$select esdb.ack('all', token_of('w'), 13)$$, 'nothing is left');

select * from finish();
