-- Whoever reads a view's comment at night learns what a query of it costs and from what value on to worry.
select plan(9);

select ok(
    obj_description(format('esdb.%I', v.name)::regclass) ~ 'A query .*Worry ', format('the comment of esdb.%s says both', v.name)
)
from (
    values
        ('index_health'),
        ('index_usage'),
        ('lock_waits'),
        ('open_appends'),
        ('parked_events'),
        ('partition_health'),
        ('partition_status'),
        ('subscription_lag'),
        ('table_sizes')
) as v (name);

select * from finish();
