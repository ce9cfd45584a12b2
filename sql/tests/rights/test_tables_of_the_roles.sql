-- Nobody but the owner touches a table or a sequence; the roles read views and the ledger's checksums.
select plan(247);

create temporary view granted as
select pg_get_userbyid(a.grantee)::text as role, c.oid::regclass::text as relation, a.privilege_type
from pg_class as c
cross join lateral aclexplode(c.relacl) as a
where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and a.grantee <> c.relowner;

select set_eq(
    'select role, relation, privilege_type from granted',
    $$values
        ('esdb_reader', 'esdb.aggregate_type_contexts', 'SELECT'),
        ('esdb_writer', 'esdb.aggregate_type_contexts', 'SELECT'),
        ('esdb_maintainer', 'esdb.aggregate_type_contexts', 'SELECT'),
        ('esdb_reader', 'esdb.contexts', 'SELECT'),
        ('esdb_writer', 'esdb.contexts', 'SELECT'),
        ('esdb_maintainer', 'esdb.contexts', 'SELECT'),
        ('esdb_reader', 'esdb.epochs', 'SELECT'),
        ('esdb_writer', 'esdb.epochs', 'SELECT'),
        ('esdb_consumer', 'esdb.epochs', 'SELECT'),
        ('esdb_maintainer', 'esdb.epochs', 'SELECT'),
        ('esdb_reader', 'esdb.event_statistics', 'SELECT'),
        ('esdb_writer', 'esdb.event_statistics', 'SELECT'),
        ('esdb_maintainer', 'esdb.event_statistics', 'SELECT'),
        ('esdb_reader', 'esdb.metrics', 'SELECT'),
        ('esdb_maintainer', 'esdb.metrics', 'SELECT'),
        ('esdb_reader', 'esdb.partitions', 'SELECT'),
        ('esdb_writer', 'esdb.partitions', 'SELECT'),
        ('esdb_maintainer', 'esdb.partitions', 'SELECT'),
        ('esdb_reader', 'esdb.partition_status', 'SELECT'),
        ('esdb_writer', 'esdb.partition_status', 'SELECT'),
        ('esdb_maintainer', 'esdb.partition_status', 'SELECT'),
        ('esdb_reader', 'esdb.append_rate', 'SELECT'),
        ('esdb_writer', 'esdb.append_rate', 'SELECT'),
        ('esdb_maintainer', 'esdb.append_rate', 'SELECT'),
        ('esdb_reader', 'esdb.snapshot_statistics', 'SELECT'),
        ('esdb_writer', 'esdb.snapshot_statistics', 'SELECT'),
        ('esdb_maintainer', 'esdb.snapshot_statistics', 'SELECT'),
        ('esdb_reader', 'esdb.stream_statistics', 'SELECT'),
        ('esdb_writer', 'esdb.stream_statistics', 'SELECT'),
        ('esdb_maintainer', 'esdb.stream_statistics', 'SELECT'),
        ('esdb_reader', 'esdb.index_health', 'SELECT'),
        ('esdb_writer', 'esdb.index_health', 'SELECT'),
        ('esdb_maintainer', 'esdb.index_health', 'SELECT'),
        ('esdb_reader', 'esdb.index_usage', 'SELECT'),
        ('esdb_writer', 'esdb.index_usage', 'SELECT'),
        ('esdb_maintainer', 'esdb.index_usage', 'SELECT'),
        ('esdb_reader', 'esdb.lock_waits', 'SELECT'),
        ('esdb_writer', 'esdb.lock_waits', 'SELECT'),
        ('esdb_maintainer', 'esdb.lock_waits', 'SELECT'),
        ('esdb_reader', 'esdb.partition_health', 'SELECT'),
        ('esdb_writer', 'esdb.partition_health', 'SELECT'),
        ('esdb_maintainer', 'esdb.partition_health', 'SELECT'),
        ('esdb_reader', 'esdb.table_sizes', 'SELECT'),
        ('esdb_writer', 'esdb.table_sizes', 'SELECT'),
        ('esdb_maintainer', 'esdb.table_sizes', 'SELECT'),
        ('esdb_reader', 'esdb.snapshots_due', 'SELECT'),
        ('esdb_writer', 'esdb.snapshots_due', 'SELECT'),
        ('esdb_maintainer', 'esdb.snapshots_due', 'SELECT'),
        ('esdb_maintainer', 'esdb.audit_trail', 'SELECT'),
        ('esdb_maintainer', 'esdb.findings', 'SELECT'),
        ('esdb_reader', 'esdb.open_appends', 'SELECT'),
        ('esdb_writer', 'esdb.open_appends', 'SELECT'),
        ('esdb_consumer', 'esdb.open_appends', 'SELECT'),
        ('esdb_maintainer', 'esdb.open_appends', 'SELECT'),
        ('esdb_consumer', 'esdb.parked_events', 'SELECT'),
        ('esdb_maintainer', 'esdb.parked_events', 'SELECT'),
        ('esdb_consumer', 'esdb.subscription_lag', 'SELECT'),
        ('esdb_maintainer', 'esdb.subscription_lag', 'SELECT'),
        ('esdb_consumer', 'esdb.subscriptions', 'SELECT'),
        ('esdb_maintainer', 'esdb.subscriptions', 'SELECT'),
        ('esdb_maintainer', 'esdb_meta.checksums', 'SELECT')$$,
    'rights to relations, all of them: the views for each role, and what a status needs for maintainers'
);
select is_empty(
    $$select t.attrelid::regclass, t.attname
    from pg_attribute as t
    join pg_class as c on c.oid = t.attrelid
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and t.attacl is not null$$,
    'no column has rights of its own'
);
select is_empty(
    $$select r.name, c.oid::regclass
    from pg_class as c
    cross join (values ('esdb_reader'), ('esdb_writer'), ('esdb_consumer'), ('esdb_maintainer')) as r (name)
    where c.relnamespace = 'esdb'::regnamespace and c.relkind in ('r', 'p')
        and (has_table_privilege(r.name, c.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege(r.name, c.oid, 'select, insert, update, references'))$$,
    'no role has any right to any table, however it might have come by it'
);
select is_empty(
    $$select r.name, c.oid::regclass
    from pg_class as c
    cross join (values ('esdb_reader'), ('esdb_writer'), ('esdb_consumer'), ('esdb_maintainer')) as r (name)
    where c.relnamespace = 'esdb'::regnamespace and c.relkind = 'S'
        and has_sequence_privilege(r.name, c.oid, 'usage, select, update')$$,
    'no role has any right to a sequence'
);
select is_empty(
    $$select d.defaclacl from pg_default_acl as d
    left join pg_namespace as n on n.oid = d.defaclnamespace
    where n.nspname in ('esdb', 'esdb_meta') or d.defaclnamespace = 0$$,
    'no default privileges open what comes later'
);

-- a real attempt of each
create function pg_temp.attempt(role_name text, statement text)
returns void
language plpgsql
as $$
begin
    perform set_config('role', role_name, true);
    execute statement;
    perform set_config('role', 'none', true);
end
$$;
select throws_ok(
    format('select pg_temp.attempt(%L, %L)', r.name, attempted.statement), '42501', null,
    format('%s: %s', r.name, attempted.statement)
)
from (
    values
        ('esdb_reader'),
        ('esdb_writer'),
        ('esdb_consumer'),
        ('esdb_maintainer')
) as r (name)
cross join (
    values
        ('select * from esdb.events'),
        ('select * from esdb.events_note'),
        ('select * from esdb.streams'),
        ('select * from esdb.settings'),
        ('select * from esdb.bounded_contexts'),
        ('insert into esdb.bounded_contexts (code, name) values (''b'', ''x'')'),
        ('alter domain esdb.group_context_code drop constraint group_context_code_known'),
        ('select * from esdb._context_plan(''group'', ''g'', ''x'')'),
        ('update esdb.streams set version = 0'),
        ('delete from esdb.idempotency_keys'),
        ('truncate esdb.snapshots'),
        ('select * from esdb.snapshots'),
        ('delete from esdb.snapshots'),
        ('update esdb.settings set value = ''1'''),
        ('update esdb.optional_indexes set ready = true'),
        ('select esdb._want_optional_index(''correlation'', true)'),
        ('create index on esdb.streams (aggregate_type)'),
        ('select nextval(''esdb.event_position'')'),
        ('select setval(''esdb.established_mark'', 1)'),
        ('select last_value from esdb.event_position'),
        ('refresh materialized view esdb.event_statistics'),
        ('select esdb._setting(''partitions_ahead'')'),
        ('create table esdb.mine ()'),
        ('drop table esdb.events'),
        ('alter table esdb.events disable trigger events_are_immutable')
) as attempted (statement);
select throws_ok(
    format('select pg_temp.attempt(''esdb_reader'', %L)', attempted.statement), '42501', null,
    format('a reader cannot: %s', attempted.statement)
)
from (
    values
        ('select esdb.append_event(''s'', ''T'', ''{}'', 0, ''n'', ''m'')'),
        ('select * from esdb.append_events(''s'', ''[]'')'),
        ('select esdb.refresh_event_statistics()'),
        ('select esdb.save_snapshot(''s'', 1, ''{}'')'),
        ('select esdb.cleanup_old_snapshots()'),
        ('select esdb.set_setting(''snapshots_kept'', ''6'')'),
        ('select esdb.set_retention(''n'', ''7 years'')'),
        ('select esdb.set_aggregate_type(''t'', ''n'', ''m'')'),
        ('select esdb.remove_aggregate_type(''t'')'),
        ('select esdb.create_subscription(''c'')'),
        ('select * from esdb.claim_events(''c'', ''w'')'),
        ('select esdb.ack(''c'', 1, 1)'),
        ('select * from esdb.subscription_lag')
) as attempted (statement);
select throws_ok(
    format('select pg_temp.attempt(''esdb_writer'', %L)', attempted.statement), '42501', null,
    format('a writer cannot: %s', attempted.statement)
)
from (
    values
        ('select esdb.cleanup_old_snapshots()'),
        ('select * from esdb._cleanup_snapshots()'),
        ('select esdb.set_retention(''n'', ''7 years'')'),
        ('select esdb.set_setting(''snapshots_kept'', ''6'')')
) as attempted (statement);
select throws_ok(
    $$select pg_temp.attempt('esdb_maintainer', 'select esdb.save_snapshot(''s'', 1, ''{}'')')$$,
    '42501', null, 'a maintainer cannot save a snapshot'
);
select throws_ok(
    $$select pg_temp.attempt('esdb_writer', 'select esdb.refresh_event_statistics()')$$, '42501', null,
    'a writer cannot refresh the statistics'
);
select throws_ok(
    $$select pg_temp.attempt('esdb_writer', 'select esdb.set_aggregate_type(''t'', ''n'', ''m'')')$$, '42501', null,
    'a writer cannot register an aggregate type'
);
select throws_ok(
    $$select pg_temp.attempt('esdb_writer', 'select esdb.remove_aggregate_type(''t'')')$$, '42501', null,
    'nor remove one'
);
select throws_ok(
    $$select pg_temp.attempt('esdb_maintainer', 'select esdb.append_event(''s'', ''T'', ''{}'', 0, ''n'', ''m'')')$$,
    '42501', null, 'a maintainer cannot append'
);
select lives_ok(format('select pg_temp.attempt(%L, %L)', allowed.role, allowed.statement),
    format('%s can: %s', allowed.role, allowed.statement))
from (
    values
        ('esdb_writer', 'select esdb.append_event(''s'', ''T'', ''{}'', 0, ''n'', ''m'')'),
        ('esdb_writer', 'select * from esdb.append_events(''s'', ''[{"event_type": "T", "payload": {}}]'')'),
        ('esdb_writer', 'select esdb.save_snapshot(''s'', 1, ''{}'')'),
        ('esdb_consumer', 'select esdb.create_subscription(''c'')'),
        ('esdb_consumer', 'select * from esdb.claim_events(''c'', ''w'')'),
        ('esdb_consumer', 'select * from esdb.subscriptions'),
        ('esdb_consumer', 'select * from esdb.subscription_lag'),
        ('esdb_consumer', 'select * from esdb.parked_events'),
        ('esdb_maintainer', 'select * from esdb.subscription_lag'),
        ('esdb_maintainer', 'select esdb.replay_parked(''c'')'),
        ('esdb_maintainer', 'select esdb.reset_subscription(''c'')'),
        ('esdb_maintainer', 'select esdb.drop_subscription(''c'')'),
        ('esdb_maintainer', 'select esdb.cleanup_old_snapshots()'),
        ('esdb_maintainer', 'select * from esdb._cleanup_snapshots()'),
        ('esdb_maintainer', 'select esdb.set_setting(''snapshots_kept'', ''6'')'),
        ('esdb_maintainer', 'select esdb.set_retention(''n'', ''7 years'')'),
        ('esdb_maintainer', 'select esdb.refresh_event_statistics()'),
        ('esdb_maintainer', 'select * from esdb.audit_trail'),
        ('esdb_maintainer', 'select * from esdb.findings'),
        ('esdb_maintainer', 'select esdb.set_aggregate_type(''t'', ''note'', ''m'')'),
        ('esdb_maintainer', 'select esdb.remove_aggregate_type(''t'')')
) as allowed (role, statement);
select lives_ok(format('select pg_temp.attempt(%L, %L)', r.name, allowed.statement), format('%s can: %s', r.name, allowed.statement))
from (
    values
        ('esdb_reader'),
        ('esdb_writer'),
        ('esdb_maintainer')
) as r (name)
cross join (
    values
        ('select * from esdb.read_stream(''s'')'),
        ('select * from esdb.read_all()'),
        ('select * from esdb.get_event(''none'')'),
        ('select * from esdb.get_event(''none'', ''s'')'),
        ('select * from esdb.get_stream_info(''s'')'),
        ('select esdb.stream_version(''s'')'),
        ('select * from esdb.list_streams(''note'', ''n'')'),
        ('select * from esdb.read_correlated(''c'', since => ''-infinity'')'),
        ('select * from esdb.read_caused_by(''e'', since => ''-infinity'')'),
        ('select * from esdb.list_optional_indexes()'),
        ('select esdb.high_water_mark()'),
        ('select esdb.ulid_timestamp(esdb.new_ulid())'),
        ('select * from esdb.error_codes()'),
        ('select * from esdb.get_snapshot(''s'')'),
        ('select * from esdb.load_aggregate(''s'')'),
        ('select * from esdb.list_settings()'),
        ('select * from esdb.snapshots_due'),
        ('select * from esdb._due_snapshots(1)'),
        ('select * from esdb.event_statistics'),
        ('select * from esdb.append_rate'),
        ('select * from esdb.snapshot_statistics'),
        ('select * from esdb.stream_statistics'),
        ('select * from esdb.contexts'),
        ('select * from esdb.aggregate_type_contexts'),
        ('select * from esdb.partitions'),
        ('select esdb.event_count()'),
        ('select esdb.event_count(''n'')'),
        ('select * from esdb.partition_status'),
        ('select * from esdb.table_sizes'),
        ('select * from esdb.index_usage'),
        ('select * from esdb.index_health'),
        ('select * from esdb.partition_health'),
        ('select * from esdb.lock_waits')
) as allowed (statement);

select * from finish();
