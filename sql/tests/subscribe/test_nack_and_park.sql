-- A nacked event is delivered again, alone; after max_attempts it is parked and the rest goes on.
select plan(26);

update esdb.settings set value = '0' where name = 'retry_delay';
select esdb.append_event('s' || n % 2, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 6) as g (n);
call settle();
select esdb.create_subscription('all', max_attempts => 3);

select is(claimed('all', 'w'), '1 2 3 4 5 6', 'a first attempt');
select refused($$select esdb.nack('all', token_of('w'), 7, 'x')$$, 'SE009', 'position: 7 is no event of the lease', 'not beyond the lease');
select refused($$select esdb.nack('all', token_of('w'), 0, 'x')$$, 'SE009', 'position: 0 is no event of the lease', 'not before it');
select refused($$select esdb.nack('all', token_of('w'), null, 'x')$$, 'SE009', 'position: null is no event of the lease', 'not null');
select lives_ok($$select esdb.nack('all', token_of('w'), 3, 'no address')$$, '3 fails, 1 and 2 are handled');
select is((select l.position from esdb.subscription_lag as l), 2::bigint, 'they are');
select is((select last_error from esdb.subscription_lag), 'no address', 'and why 3 is not, the lag tells');
select refused($$select esdb.ack('all', token_of('w'), 6)$$, 'SE021', '%', 'the lease is over');
select is(claimed('all', 'w'), '3(2)', 'a second attempt');
select lives_ok($$select esdb.nack('all', token_of('w'), 3, 'no address')$$, 'fails');
select is(claimed('all', 'w'), '3(3)', 'a third');
select lives_ok($$select esdb.nack('all', token_of('w'), 3, 'still no address')$$, 'fails');
select results_eq(
    'select p.position, state, attempts, reason from esdb.parked_events as p',
    $$values (3::bigint, 'failed' collate "C", 3, 'still no address')$$, 'the event is parked');
select is(claimed('all', 'w'), '4 5 6', 'the rest goes on, of its aggregate, too');
select lives_ok($$select esdb.nack('all', token_of('w'), 4, 'x')$$, '4 fails');
select is(claimed('all', 'w'), '4(2)', 'again');
select lives_ok($$select esdb.ack('all', token_of('w'), 4)$$, 'and works');
select is((select last_error from esdb.subscription_lag), null, 'there is no error any more');
select is(claimed('all', 'w'), '5 6', 'a first attempt for the others');
select esdb.ack('all', token_of('w'), 6);

select lives_ok($$select esdb.replay_parked('all')$$, 'the parked one again');
select is(claimed('all', 'w'), '3(4)', 'is delivered');
select lives_ok($$select esdb.nack('all', token_of('w'), 3, repeat('long', 1000000))$$, 'and fails');
select is((select l.last_error from esdb.subscription_lag as l), repeat('long', 2500), 'for a reason of which the beginning is kept');
select is((select length(p.reason) from esdb.parked_events as p), 10000, 'beside the event, too');
select esdb.replay_parked('all');
select claimed('all', 'w');
select esdb.nack('all', token_of('w'), 3, 'never');
select results_eq(
    'select p.position, state, attempts, reason from esdb.parked_events as p',
    $$values (3::bigint, 'failed' collate "C", 5, 'never')$$, 'it is parked at once');
select is(claimed('all', 'w'), 'none', 'nothing to do');

select * from finish();
