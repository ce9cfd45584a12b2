-- What is wrong with the arguments of claims, acks and nacks is refused, and an unknown subscription is SE020 everywhere.
select plan(20);

select esdb.create_subscription('all');
select refused(called.statement, called.code, called.detail, called.statement)
from (
    values
        ('select esdb.claim_events(''none'', ''w'')', 'SE020', 'subscription: none'),
        ('select esdb.claim_events(null, ''w'')', 'SE020', 'subscription: null'),
        ('select esdb.ack(''none'', 1024, 1)', 'SE020', 'subscription: none'),
        ('select esdb.nack(''none'', 1024, 1, ''x'')', 'SE020', 'subscription: none'),
        ('select esdb.reset_subscription(''none'')', 'SE020', 'subscription: none'),
        ('select esdb.drop_subscription(''none'')', 'SE020', 'subscription: none'),
        ('select esdb.replay_parked(''none'')', 'SE020', 'subscription: none'),
        ('select esdb.discard_parked(''none'')', 'SE020', 'subscription: none'),
        ('select esdb.claim_events(''all'', null)', 'SE009', 'worker: null'),
        ('select esdb.claim_events(''all'', '''')', 'SE009', 'worker: 0 characters'),
        ('select esdb.claim_events(''all'', ''w'', 0)', 'SE009', 'max_count: 0'),
        ('select esdb.claim_events(''all'', ''w'', 10001)', 'SE009', 'max_count: 10001'),
        ('select esdb.claim_events(''all'', ''w'', lease => ''0'')', 'SE009', 'lease: 00:00:00'),
        ('select esdb.claim_events(''all'', ''w'', lease => ''2 days'')', 'SE009', 'lease: 2 days'),
        ('select esdb.claim_events(''all'', ''w'', lease => null)', 'SE009', 'lease: null'),
        ('select esdb.ack(''all'', null, 1)', 'SE009', 'token: null'),
        ('select esdb.ack(''all'', -1024, 1)', 'SE009', 'token: -1024'),
        ('select esdb.ack(''all'', 1024, 1)', 'SE021', '%"lease_until" : null%'),
        ('select esdb.nack(''all'', 1030, 1, ''x'')', 'SE021', '%"partition" : 6%'),
        ('select esdb.reset_subscription(''all'', 1)', 'SE022', '%')
) as called (statement, code, detail);

select * from finish();
