-- Each leaf has its own keys and indexes; contexts are partitioned by month; no default partition stands in the way.
select plan(14);

create temporary table leaves as
select t.relid, c.relname::text as name
from pg_partition_tree('esdb.events') as t
join pg_class as c on c.oid = t.relid
where t.isleaf;
select cmp_ok((select count(*) from leaves), '>=', 9 * 6::bigint, 'nine contexts with five months and an overflow');

create view pg_temp.constraints as
select l.name as leaf, replace(k.conname, l.name || '_', '') as name, pg_get_constraintdef(k.oid) as definition
from leaves as l
join pg_constraint as k on k.conrelid = l.relid and k.contype in ('p', 'u');
create view pg_temp.indexes as
select
    l.name as leaf,
    replace(i.indexrelid::regclass::text, 'esdb.' || l.name || '_', '') as name,
    regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') as definition,
    i.indisunique
from leaves as l
join pg_index as i on i.indrelid = l.relid;

select is_empty(
    format(
        $$select l.name from leaves as l where not exists (
            select from pg_temp.constraints as k where k.leaf = l.name and k.name = %L and k.definition = %L)$$,
        wanted.name, wanted.definition),
    format('every leaf has %s', wanted.definition)
)
from (
    values
        ('pkey', 'PRIMARY KEY (id)'),
        ('version', 'UNIQUE (aggregate_id, version)'),
        ('position', 'UNIQUE ("position")')
) as wanted (name, definition);
select is_empty(
    format(
        $$select l.name from leaves as l where not exists (
            select from pg_temp.indexes as i where i.leaf = l.name and i.name = %L and i.definition = %L)$$,
        wanted.name, wanted.definition),
    format('every leaf has the index %s', wanted.definition)
)
from (
    values
        ('event_type', 'btree (event_type, "position")')
) as wanted (name, definition);
select is_empty(
    'select leaf, count(*) from pg_temp.indexes group by leaf having count(*) <> 4', 'and none besides: each costs every append'
);
select is_empty(
    $$select relid from pg_partition_tree('esdb.events') where relid in (select partdefid from pg_partitioned_table)$$,
    'there is no default partition'
);
select is_empty(
    $$select p.partrelid::regclass
    from pg_partition_tree('esdb.events') as t
    join pg_partitioned_table as p on p.partrelid = t.relid
    where t.level = 1 and pg_get_partkeydef(p.partrelid) <> 'RANGE ("timestamp")'$$,
    'each context is partitioned by time'
);
select set_eq(
    $$select c.relname::text, pg_get_expr(c.relpartbound, c.oid)
    from pg_partition_tree('esdb.events') as t
    join pg_class as c on c.oid = t.relid
    where t.level = 1$$,
    $$select 'events_' || name, format('FOR VALUES IN (%L)', code) from esdb.bounded_contexts$$,
    'each context has its table'
);

-- what the keys refuse
create function pg_temp.insert_event("position" bigint, id text, aggregate_id text, version bigint)
returns void
language sql
as $$
insert into esdb.events
    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
     version, timestamp, payload)
values ("position", id, 'n', 'm', 'c', 'create', 'note', aggregate_id, 'T', version, '2200-01-01 00:00:00+00', '{}')
$$;
select lives_ok($$select pg_temp.insert_event(1, 'id', 's', 1)$$, 'an event');
select throws_ok($$select pg_temp.insert_event(2, 'id', 't', 1)$$, '23505', null, 'an id once a leaf');
select throws_ok($$select pg_temp.insert_event(2, 'id2', 's', 1)$$, '23505', null, 'a version once a stream and leaf');
select throws_ok($$select pg_temp.insert_event(1, 'id2', 's', 2)$$, '23505', null, 'a position once a leaf');
select lives_ok($$select pg_temp.insert_event(2, 'id2', 's', 2)$$, 'the next event');

select * from finish();
