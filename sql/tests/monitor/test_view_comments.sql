-- Whoever reads a view's comment at night learns what a query of it costs and from what value on to worry.
select plan(17);

select ok(
    obj_description(format('esdb.%I', v.name)::regclass) ~ 'A query .*Worry ', format('the comment of esdb.%s says both', v.name)
)
from (
    values
        ('append_rate'),
        ('audit_trail'),
        ('event_statistics'),
        ('findings'),
        ('index_health'),
        ('index_usage'),
        ('lock_waits'),
        ('metrics'),
        ('open_appends'),
        ('parked_events'),
        ('partition_health'),
        ('partition_status'),
        ('snapshot_statistics'),
        ('snapshots_due'),
        ('stream_statistics'),
        ('subscription_lag'),
        ('table_sizes')
) as v (name);

select * from finish();
