-- Each role may execute exactly the functions it is for: a new function without thought fails here.
select plan(19);

create temporary view executable as
select r.name as role, p.oid::regprocedure::text as function
from pg_proc as p
cross join (
    values
        ('esdb_reader'),
        ('esdb_writer'),
        ('esdb_consumer'),
        ('esdb_maintainer')
) as r (name)
where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
    and has_function_privilege(r.name, p.oid, 'execute');

create temporary table readers as
select * from (
    values
        ('esdb.error_codes()'),
        ('esdb.event_count(text)'),
        ('esdb.feed_lag()'),
        ('esdb.get_event(text,text)'),
        ('esdb.get_snapshot(text,bigint,timestamp with time zone)'),
        ('esdb.get_stream_info(text)'),
        ('esdb.high_water_mark()'),
        ('esdb.last_position()'),
        ('esdb.list_settings()'),
        ('esdb.load_aggregate(text,bigint,timestamp with time zone)'),
        ('esdb.list_optional_indexes()'),
        ('esdb.list_streams(text,text,text,integer,boolean)'),
        ('esdb.new_ulid(timestamp with time zone)'),
        ('esdb.read_all(bigint,integer,text[],text[],text[],text[],text[],boolean,bigint,boolean)'),
        ('esdb.read_caused_by(text,integer,timestamp with time zone,timestamp with time zone)'),
        ('esdb.read_correlated(text,integer,timestamp with time zone,timestamp with time zone)'),
        ('esdb.read_stream(text,bigint,bigint,integer,boolean,timestamp with time zone,boolean,boolean)'),
        ('esdb.stream_version(text)'),
        ('esdb.ulid_timestamp(text)')
) as f (function);

-- one batch or step of what a command does, after which it commits
create temporary table called_by_commands as
select * from (
    values
        ('esdb._cleanup_snapshots(integer,interval,text,bigint,integer)'),
        ('esdb._purge_idempotency_keys(integer)'),
        ('esdb._try_step(text)')
) as f (function);

-- by `esdb health`, as any role
create temporary table called_by_probes as
select * from (
    values
        ('esdb._health_of_mark(double precision)'),
        ('esdb._health_of_partitions()'),
        ('esdb._health_of_statistics(double precision)'),
        ('esdb._health_of_writes()'),
        ('esdb._installed_files()')
) as f (function);

-- by the view metrics
create temporary table called_by_metrics as
select * from (
    values
        ('esdb._call_metrics()'),
        ('esdb._feed_metrics()'),
        ('esdb._metric_families()'),
        ('esdb._partition_metrics()'),
        ('esdb._size_metrics()'),
        ('esdb._subscription_metrics()')
) as f (function);

-- by the view subscription_lag
create temporary table called_by_lag as
select 'esdb._subscription_lag()' as function;

-- a view calls its functions as its reader, and esdb export may be called by all who read
create temporary table called_by_views as
select * from (
    values
        ('esdb._append_counts(text,text,timestamp with time zone)'),
        ('esdb._detached_head(text)'),
        ('esdb._due_snapshots(integer)'),
        ('esdb._export_page(bigint,bigint,integer,integer,text[],text[],timestamp with time zone,timestamp with time zone,boolean)'),
        ('esdb._edge_position(oid,integer)'),
        ('esdb._lost_ranges()'),
        ('esdb._index_facts()'),
        ('esdb._index_health()'),
        ('esdb._partition_health()'),
        ('esdb._row_of_tuple(oid,integer,smallint)'),
        ('esdb._partition_status()'),
        ('esdb._partition_bounds(oid)'),
        ('esdb._recent_appends()'),
        ('esdb._snapshot_statistics()'),
        ('esdb._utc_month(timestamp with time zone,integer)')
) as f (function);

select set_eq(
    $$select function from executable where role = 'esdb_reader'$$,
    $$select function from readers
    union all
    select function from called_by_views
    union all
    select function from called_by_probes
    union all
    select function from called_by_metrics$$,
    'a reader reads'
);
select set_eq(
    $$select function from executable where role = 'esdb_writer'$$,
    $$select function from readers
    union all
    select function from called_by_views
    union all
    select function from called_by_probes
    union all
    values
        ('esdb.append_event(text,text,jsonb,bigint,text,text,text,text,text,jsonb,text,integer,timestamp with time zone,text)'),
        ('esdb.append_events(text,jsonb,bigint,text,text,text,text,text,jsonb,text)'),
        ('esdb.append_to_streams(jsonb)'),
        ('esdb.delete_stream(text,bigint,jsonb)'),
        ('esdb.restore_stream(text,jsonb)'),
        ('esdb.save_snapshot(text,bigint,jsonb)')$$,
    'a writer reads, appends and saves snapshots'
);
select set_eq(
    $$select function from executable where role = 'esdb_maintainer'$$,
    $$select function from readers
    union all
    select function from called_by_views
    union all
    select function from called_by_commands
    union all
    select function from called_by_lag
    union all
    select function from called_by_probes
    union all
    select function from called_by_metrics
    union all
    values
        ('esdb.create_subscription(text,bigint,integer,text[],text[],text[],text[],text[],integer,text)'),
        ('esdb.discard_parked(text,bigint)'),
        ('esdb.drop_subscription(text)'),
        ('esdb.publish_mark()'),
        ('esdb.replay_parked(text,bigint)'),
        ('esdb.reset_subscription(text,bigint)'),
        ('esdb._cleanup_snapshots(integer,interval,text,bigint,integer)'),
        ('esdb.cleanup_old_snapshots(integer,interval)'),
        ('esdb.refresh_event_statistics()'),
        ('esdb.set_retention(text,text)'),
        ('esdb.set_setting(text,text)'),
        ('esdb.remove_aggregate_type(text)'),
        ('esdb.set_aggregate_type(text,text,text)'),
        ('esdb_meta.deletion_faults(text,integer)'),
        ('esdb_meta.detached_head_faults(text,integer)'),
        ('esdb_meta.digest_events(oid,bytea,bigint,integer)'),
        ('esdb_meta.doctor()'),
        ('esdb_meta.doctor_archiving()'),
        ('esdb_meta.doctor_autovacuum()'),
        ('esdb_meta.doctor_bloat()'),
        ('esdb_meta.doctor_checks()'),
        ('esdb_meta.doctor_collations()'),
        ('esdb_meta.doctor_connections()'),
        ('esdb_meta.doctor_durability()'),
        ('esdb_meta.doctor_hot_stream()'),
        ('esdb_meta.doctor_indexes()'),
        ('esdb_meta.doctor_lock_table()'),
        ('esdb_meta.doctor_mark()'),
        ('esdb_meta.doctor_partitions()'),
        ('esdb_meta.doctor_roles()'),
        ('esdb_meta.doctor_setting(text,text)'),
        ('esdb_meta.doctor_shell_word(text)'),
        ('esdb_meta.doctor_sight()'),
        ('esdb_meta.doctor_slots()'),
        ('esdb_meta.doctor_statistics()'),
        ('esdb_meta.doctor_subscriptions()'),
        ('esdb_meta.doctor_transactions()'),
        ('esdb_meta.doctor_wraparound()'),
        ('esdb_meta.duplicate_id_faults(text[])'),
        ('esdb_meta.duplicate_ids(text,integer)'),
        ('esdb_meta.idempotency_key_faults(text,integer)'),
        ('esdb_meta.leaf_faults(oid,text,integer,bigint,bigint)'),
        ('esdb_meta.leaves(text)'),
        ('esdb_meta.object_faults()'),
        ('esdb_meta.partition_faults()'),
        ('esdb_meta.removed_files(text[])'),
        ('esdb_meta.seal_chain()'),
        ('esdb_meta.seal_facts(oid)'),
        ('esdb_meta.seal_faults(bytea)'),
        ('esdb_meta.sealed_leaf_faults(oid,bigint,bytea,bigint)'),
        ('esdb_meta.sealed_leaves()'),
        ('esdb_meta.sequence_faults()'),
        ('esdb_meta.snapshot_faults(text,integer)'),
        ('esdb_meta.stream_faults(text,integer)'),
        ('esdb_meta.stream_id_faults(text,integer)')$$,
    'a maintainer reads, cleans up, refreshes, sets, registers and verifies'
);
select set_eq(
    $$select function from executable where role = 'esdb_consumer'$$,
    $$select function from called_by_lag
    union all
    select function from called_by_probes
    union all
    values
        ('esdb.ack(text,bigint,bigint)'),
        ('esdb.claim_events(text,text,integer,interval)'),
        ('esdb.create_subscription(text,bigint,integer,text[],text[],text[],text[],text[],integer,text)'),
        ('esdb.feed_lag()'),
        ('esdb.high_water_mark()'),
        ('esdb.last_position()'),
        ('esdb.nack(text,bigint,bigint,text)')$$,
    'a consumer makes subscriptions and works on them'
);
select is_empty(
    $$select * from executable
    where function ~ '\._'
        and function not in (select c.function from called_by_views as c union all select c.function from called_by_commands as c
            union all select c.function from called_by_probes as c union all select c.function from called_by_metrics as c
            union all select c.function from called_by_lag as c)$$,
    'nobody executes a helper but those that views and commands call'
);
select is_empty(
    $$select p.oid::regprocedure, a.privilege_type
    from pg_proc as p
    cross join lateral aclexplode(p.proacl) as a
    where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
        and a.grantee not in (p.proowner, 'esdb_reader'::regrole, 'esdb_writer'::regrole,
            'esdb_consumer'::regrole, 'esdb_maintainer'::regrole)
        or a.is_grantable and a.grantee <> p.proowner and p.pronamespace = 'esdb'::regnamespace$$,
    'nobody else has a right, and nobody may pass one on'
);
select is(has_schema_privilege(r.name, 'esdb', 'usage'), true, format('%s may enter the schema', r.name))
from (
    values
        ('esdb_reader'),
        ('esdb_writer'),
        ('esdb_consumer'),
        ('esdb_maintainer')
) as r (name);
select is(has_schema_privilege(r.name, s.name, 'create'), false, format('%s may not create in %s', r.name, s.name))
from (
    values
        ('esdb_reader'),
        ('esdb_writer'),
        ('esdb_consumer'),
        ('esdb_maintainer')
) as r (name)
cross join (
    values
        ('esdb'),
        ('esdb_meta')
) as s (name);
select is_empty(
    $$select r.rolname from pg_roles as r
    where r.rolname in ('esdb_reader', 'esdb_writer', 'esdb_consumer', 'esdb_maintainer')
        and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolcanlogin or r.rolreplication or r.rolbypassrls)$$,
    'the roles are groups without powers of their own'
);

select * from finish();
