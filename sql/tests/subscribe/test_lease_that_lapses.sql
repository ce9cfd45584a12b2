-- A lease that ends frees the partition; a late ack is refused; what lapses too often is parked.
select plan(14);

select esdb.append_event('s' || n, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 4) as g (n);
call settle();
select esdb.create_subscription('all', max_attempts => 2);

select is(claimed('all', 'dead', lease => '1 microsecond'), '1 2 3 4', 'a worker claims and is not heard of again');
select refused($$select esdb.ack('all', token_of('dead'), 4)$$, 'SE021', '%', 'its ack comes late, though nobody has claimed since');
select is((select worker from esdb.subscription_lag), 'dead', 'the lag tells whose lease lapsed');
select is(claimed('all', 'next'), '1(2)', 'another gets the first event again, alone');
select lives_ok($$select esdb.ack('all', token_of('next'), 1)$$, 'which was not to blame');
select is(claimed('all', 'next', lease => '1 microsecond'), '2 3 4', 'and the others');
select is(claimed('all', 'next', lease => '1 microsecond'), '2(2)', 'this one kills its workers');
select is(claimed('all', 'next'), '3 4', 'so it is parked');
select results_eq(
    $$select p.position, aggregate_id, version::bigint, event_type, state, attempts, worker, reason like 'the lease of worker next ended at %'
    from esdb.parked_events as p$$,
    $$values (2::bigint, 's2' collate "C", 1::bigint, 'T' collate "C", 'failed' collate "C", 2, 'next', true)$$,
    'with what is known'
);
select lives_ok($$select esdb.ack('all', token_of('next'), 4)$$, 'the others are handled');
select is(claimed('all', 'next'), 'none', 'that was all');
select lives_ok($$select esdb.replay_parked('all', 2)$$, 'it is to be tried again');
select is(claimed('all', 'next'), '2(3)', 'and is');
select lives_ok($$select esdb.ack('all', token_of('next'), 2)$$, 'this time it works');

select * from finish();
