-- esdb.events has the columns the API promises, in its order.
select plan(4);

select results_eq(
    $$select a.attname::text collate "default", format_type(a.atttypid, a.atttypmod), a.attnotnull
    from pg_attribute as a
    where a.attrelid = 'esdb.events'::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum$$,
    $$values
        ('position', 'bigint', true),
        ('id', 'text', true),
        ('bounded_context', 'esdb.bounded_context_code', true),
        ('group_context', 'esdb.group_context_code', true),
        ('feature_context', 'esdb.feature_context_code', true),
        ('action_type', 'character varying(10)', true),
        ('aggregate_type', 'text', true),
        ('aggregate_id', 'text', true),
        ('event_type', 'character varying(255)', true),
        ('schema_version', 'smallint', true),
        ('version', 'esdb.version_number', true),
        ('timestamp', 'timestamp with time zone', true),
        ('occurred_at', 'timestamp with time zone', false),
        ('payload', 'jsonb', true),
        ('metadata', 'jsonb', false),
        ('recorded_by', 'text', true)$$,
    'names, types and which may be null'
);
select results_eq(
    $$select a.attname::text collate "default", format_type(a.atttypid, a.atttypmod)
    from pg_attribute as a
    where a.attrelid = 'esdb.append_result'::regclass and a.attnum > 0
    order by a.attnum$$,
    $$values ('id', 'text'), ('version', 'bigint'), ('position', 'bigint'), ('timestamp', 'timestamp with time zone')$$,
    'append_result'
);
select is_empty(
    $$select a.attrelid::regclass, a.attname
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'esdb'::regnamespace and c.relkind in ('r', 'p') and a.attcollation <> 0
        and a.attname in ('id', 'aggregate_id', 'aggregate_type', 'event_type', 'key', 'name')
        and a.attcollation <> 'pg_catalog."C"'::regcollation$$,
    'what is a key is compared by bytes, the same under every locale'
);
select is(
    (select pg_get_partkeydef('esdb.events'::regclass) from pg_partitioned_table as p where p.partrelid = 'esdb.events'::regclass),
    'LIST (bounded_context)', 'events are partitioned by context'
);

select * from finish();
