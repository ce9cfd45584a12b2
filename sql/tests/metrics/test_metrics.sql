-- The rows of esdb.metrics are what OpenMetrics wants: names and kinds that agree, one set of labels a metric.
select plan(9);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select esdb.create_subscription('mails');
select esdb.create_subscription('searches', partitions => 3);

select is_empty(
    $$select f.metric from esdb._metric_families() as f
    where f.metric !~ '^esdb_[a-z]+(_[a-z]+)*$' or f.kind not in ('counter', 'gauge') or (f.metric ~ '_total$') <> (f.kind = 'counter')$$,
    'a counter ends in _total, and nothing else does'
);
select is_empty(
    'select f.metric from esdb._metric_families() as f group by f.metric having count(*) > 1', 'each metric is there once'
);
create temporary table samples as
select * from esdb._feed_metrics()
union all
select * from esdb._partition_metrics()
union all
select * from esdb._size_metrics()
union all
select * from esdb._subscription_metrics()
union all
select * from esdb._call_metrics();
select is_empty(
    'select metric from samples except select f.metric from esdb._metric_families() as f', 'no sample is of a metric that is not listed'
);
select is_empty('select from samples where value is null or labels is null', 'a sample has a value and labels');
select is_empty(
    'select metric, labels from samples group by metric, labels having count(*) > 1', 'no two samples have the same labels'
);
select is_empty(
    $$select s.metric
    from samples as s
    cross join lateral (select array_agg(k.name order by k.name) as names from jsonb_object_keys(s.labels) as k (name)) as l
    group by s.metric
    having count(distinct coalesce(l.names, '{}')) > 1$$,
    'all samples of a metric have the same labels'
);
select results_eq(
    $$select labels ->> 'subscription', value from esdb.metrics where metric = 'esdb_subscription_behind_events' order by 1$$,
    $$values ('mails', 1::double precision), ('searches', 1)$$,
    'a subscription is one sample, whatever its partitions'
);
select set_eq(
    'select distinct metric from esdb.metrics', 'select f.metric from esdb._metric_families() as f',
    'a metric without a sample is listed all the same'
);

-- maps come with the first VACUUM
vacuum esdb.streams;
select set_eq(
    $$select m.labels ->> 'relation' as name, m.labels ->> 'part' as part, m.value
    from esdb.metrics as m
    where m.metric = 'esdb_size_bytes' and m.labels ->> 'bounded_context' = ''$$,
    $$select split_part(t.name, '.', 2) as name, part.name as part, part.bytes::double precision as value
    from esdb.table_sizes as t
    cross join lateral (
        values ('table', t.table_bytes), ('index', t.index_bytes), ('toast', t.toast_bytes)
    ) as part (name, bytes)
    where t.level = 'table' and t.name <> 'esdb.events'$$,
    'sizes are those of esdb.table_sizes'
);

select * from finish();
