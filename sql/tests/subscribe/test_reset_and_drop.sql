-- reset_subscription() begins again, drop_subscription() ends; both end leases, and the audit log tells.
select plan(19);

update esdb.settings set value = '0' where name = 'retry_delay';
select esdb.append_event('s' || n, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 5) as g (n);
call settle();
select esdb.create_subscription('all', max_attempts => 1);
select claimed('all', 'w', 2);
select esdb.nack('all', token_of('w'), 2, 'x');
select is(claimed('all', 'w', 2), '3 4', 'in the middle of work');

select lives_ok($$select esdb.reset_subscription('all', 2)$$, 'behind a position');
select is((select count(*) from esdb.parked_events), 1::bigint, 'what was parked before it stays');
select refused($$select esdb.ack('all', token_of('w'), 4)$$, 'SE021', '%', 'the lease is over');
select is(claimed('all', 'w', 2), '3 4', 'its events come again');
select lives_ok($$select esdb.reset_subscription('all')$$, 'from the beginning');
select is((select count(*) from esdb.parked_events), 0::bigint, 'what was parked comes again');
select is(claimed('all', 'w'), '1 2 3 4 5', 'all of it');
select lives_ok($$select esdb.reset_subscription('all', -1)$$, 'from now on');
select is(claimed('all', 'w'), 'none', 'nothing is to come');
select refused($$select esdb.reset_subscription('all', 6)$$, 'SE022', '%', 'not beyond the end');
select refused($$select esdb.reset_subscription('all', null)$$, 'SE009', 'to_position: null', 'not null');

select results_eq(
    $$select action, subject, affected, details from esdb.audit_trail where action = 'reset subscription' order by number$$,
    $$values
        ('reset subscription' collate "C", 'all', 0::bigint, '{"from": [2], "to": 2}'::jsonb),
        ('reset subscription', 'all', 1, '{"from": [2], "to": 0}'),
        ('reset subscription', 'all', 0, '{"from": [0], "to": 5}')$$,
    'the audit log has each reset, and how many parked events it forgot'
);

select lives_ok($$select esdb.drop_subscription('all')$$, 'it goes');
select is((select count(*) from esdb.subscription_lag), 0::bigint, 'with its partitions');
select is((select count(*) from esdb.subscription_checkpoints), 0::bigint, 'and its checkpoints');
select refused($$select claimed('all', 'w')$$, 'SE020', '%', 'there is none any more');
select is(
    (select details ->> 'positions' from esdb.audit_trail where action = 'drop subscription'), '[5]', 'the audit log tells where it was');
select lives_ok($$select esdb.create_subscription('all')$$, 'a new one may have its name');

select * from finish();
