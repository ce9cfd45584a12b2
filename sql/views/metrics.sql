-- What `esdb metrics` tells a Prometheus: samples of everything in the store that is worth a graph or an alert.
create or replace view esdb.metrics as
select f.metric, f.kind, f.meaning, s.labels, s.value
from esdb._metric_families() as f
left join (
    select * from esdb._feed_metrics()
    union all
    select * from esdb._partition_metrics()
    union all
    select * from esdb._size_metrics()
    union all
    select * from esdb._subscription_metrics()
    union all
    select * from esdb._call_metrics()
) as s on s.metric = f.metric
order by f.metric, s.labels;

comment on view esdb.metrics is
    'The store''s metrics as `esdb metrics` gives them to Prometheus: metric, kind (counter, gauge), meaning, and each sample''s labels and value (null: no sample now). Rows and bytes are estimates of the catalog and sizes of files: no event is counted. Ages of other roles'' transactions need pg_monitor, of the caller or the store''s owner; esdb_call_… need pg_stat_statements, and pg_read_all_stats for other roles'' calls. A query costs some 30 ms of a processor, beside a thousand partitions 200: for a scrape a minute, not one a second. Worry from the values on that the alerts of `esdb metrics --rules` have: esdb_feed_behind_seconds 60, esdb_subscription_behind_seconds 300, esdb_partitions_ahead below 1, any esdb_overflow_events, esdb_partition_faults or parked event that failed. Errors: SE011 under REPEATABLE READ and SERIALIZABLE.';

revoke all on esdb.metrics from public;
grant select on esdb.metrics to esdb_reader, esdb_maintainer;
