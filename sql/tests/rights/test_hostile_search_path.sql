-- A session whose search_path puts traps before pg_catalog changes nothing: every public function works.
select plan(104);

create schema evil;
create function evil.trap()
returns void
language plpgsql
as $$
begin
    raise exception 'trapped';
end
$$;

-- every operator and function of pg_catalog that the store's types know, as a trap of the same name and arguments
do $$
declare
    _known constant regtype[] := array[
        'text', 'bigint', 'integer', 'smallint', 'boolean', 'jsonb', 'timestamptz', 'timestamp', 'interval', 'bytea', 'oid',
        'double precision', 'numeric', 'text[]', 'name', 'varchar', 'bpchar', '"char"', 'regclass', 'uuid'];
    _operator record;
    _function record;
begin
    for _operator in
        select
            o.oprname as symbol,
            o.oprleft as left_type,
            o.oprright as right_type,
            o.oprresult::regtype as result,
            row_number() over (order by o.oid) as number
        from pg_operator as o
        where o.oprnamespace = 'pg_catalog'::regnamespace
            and o.oprresult::regtype = any (_known || array['boolean'::regtype])
            and o.oprright::regtype = any (_known) and (o.oprleft = 0 or o.oprleft::regtype = any (_known))
    loop
        execute format(
            'create function evil.operator_%s(%s%s) returns %s language plpgsql as
                $trap$begin raise exception ''trapped: operator %s''; end$trap$',
            _operator.number, case when _operator.left_type = 0 then '' else _operator.left_type::regtype || ', ' end,
            _operator.right_type::regtype, _operator.result, replace(_operator.symbol, '%', '%%'));
        execute format(
            'create operator evil.%s (function = evil.operator_%s, %srightarg = %s)',
            _operator.symbol, _operator.number,
            case when _operator.left_type = 0 then '' else 'leftarg = ' || _operator.left_type::regtype || ', ' end,
            _operator.right_type::regtype);
    end loop;
    for _function in
        select distinct on (p.proname, p.proargtypes)
            p.proname as name,
            p.proargtypes::oid[]::regtype[] as argument_types,
            pg_get_function_result(p.oid) as result
        from pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and not p.proretset and p.provariadic = 0
            and p.prorettype::regtype = any (_known) and p.proargtypes::oid[]::regtype[] <@ _known
            -- what this test and pgTAP call themselves
            and p.proname <> 'set_config'
    loop
        execute format(
            'create function evil.%I(%s) returns %s language plpgsql as $trap$begin raise exception ''trapped: %s''; end$trap$',
            _function.name, array_to_string(_function.argument_types, ', '), _function.result, _function.name);
    end loop;
end
$$;
create table evil.pg_locks ();
create table evil.pg_database ();
create domain evil.text as integer;
create domain evil.jsonb as integer;
create domain evil.timestamptz as integer;
create domain evil.bytea as integer;

select cmp_ok(
    (select count(*) from pg_proc as p where p.pronamespace = 'evil'::regnamespace), '>', 1000::bigint, 'over a thousand traps are set'
);
select throws_ok(
    $test$do $do$
    begin
        perform set_config('search_path', 'evil, pg_catalog', true);
        perform 1 where 'a'::pg_catalog.text = 'a'::pg_catalog.text;
    end
    $do$$test$,
    'P0001', 'trapped: operator =', 'and they work'
);

create function public.under_traps(statement text)
returns text
language plpgsql
as $$
declare
    _path pg_catalog.text := pg_catalog.current_setting('search_path');
begin
    perform pg_catalog.set_config('search_path', 'evil, pg_catalog', false);
    begin
        execute statement;
    exception
        when others then
            perform pg_catalog.set_config('search_path', _path, false);
            return sqlstate operator(pg_catalog.||) ' ' operator(pg_catalog.||) sqlerrm;
    end;
    perform pg_catalog.set_config('search_path', _path, false);
    return 'works';
end
$$;

select is(public.under_traps(called.statement), 'works', called.statement)
from (
    values
        ('select esdb.append_event(''s'', ''T'', ''{"a": 1}'', 0, ''n'', ''m'')'),
        ('select esdb.append_event(''s'', ''T'', ''{}'', 1, metadata => ''{}'', id => ''id'', idempotency_key => ''key'')'),
        ('select esdb.append_event(''s'', ''T'', ''{}'', id => ''id'', idempotency_key => ''key'')'),
        ('select esdb.append_event(''s'', ''T'', ''{}'', -1, schema_version => null, action_type => ''x'', feature_context => ''d'')'),
        ('select * from esdb.append_events(''s'', ''[{"event_type": "T", "payload": {}, "occurred_at": "2026-01-01",
            "schema_version": 2, "group_context": "c", "feature_context": "r", "id": "id-2", "metadata": {"a": 1}},
            {"event_type": "T", "payload": {}}]'', idempotency_key => ''key-2'', metadata => ''{"b": 2}'')'),
        ('select * from esdb.append_events(''new'', ''[{"event_type": "T", "payload": {}}]'', 0, ''nt'', ''s'')'),
        ('select * from esdb.append_to_streams(''[{"aggregate_id": "two", "expected_version": 0, "bounded_context": "n",
            "group_context": "m", "idempotency_key": "two", "events": [{"event_type": "T", "payload": {}}]}]'')'),
        ('select * from esdb.append_to_streams(''[{"aggregate_id": "two", "idempotency_key": "two",
            "events": [{"event_type": "T", "payload": {}}]}]'')'),
        ('select * from esdb.read_stream(''s'')'),
        ('select * from esdb.read_stream(''s'', 1, 3, 2, true, ''infinity'', true, true)'),
        ('select * from esdb.high_water_mark()'),
        ('select * from esdb.read_all()'),
        ('select * from esdb.read_all(1, 5, array[''n''], array[''m'', ''c''], array[''c''], array[''T''], array[''note''], true, 4, true)'),
        ('select * from esdb.get_event(''id'')'),
        ('select * from esdb.get_event(''id'', ''s'')'),
        ('select * from esdb.get_event(''01ARZ3NDEKTSV4RRFFQ69G5FAV'')'),
        ('select * from esdb.get_stream_info(''s'')'),
        ('select esdb.stream_version(''s'')'),
        ('select * from esdb.list_streams(''note'', ''n'', ''a'', 5, true)'),
        ('select * from esdb.read_correlated(''c'', since => ''-infinity'', until => ''infinity'')'),
        ('select * from esdb.read_caused_by(''e'', since => ''-infinity'')'),
        ('select * from esdb.list_optional_indexes()'),
        ('select * from esdb._optional_index_plan(''correlation'', true)'),
        ('select esdb._want_optional_index(''streams'', false)'),
        ('select esdb._finish_optional_index(''streams'')'),
        ('select esdb.new_ulid()'),
        ('select esdb.ulid_timestamp(''01ARZ3NDEKTSV4RRFFQ69G5FAV'')'),
        ('select * from esdb.error_codes()'),
        ('select esdb.refresh_event_statistics()'),
        ('select * from esdb.event_statistics'),
        ('select * from esdb.append_rate'),
        ('select * from esdb.snapshot_statistics'),
        ('select * from esdb.stream_statistics'),
        ('select * from esdb.partitions'),
        ('select * from esdb.partition_status'),
        ('select * from esdb.metrics'),
        ('select * from esdb._health_of_partitions()'),
        ('select * from esdb._health_of_writes()'),
        ('select * from esdb._health_of_mark(60)'),
        ('select * from esdb._health_of_statistics(36)'),
        ('select * from esdb._installed_files()'),
        ('select * from esdb._unfinished_bounds()'),
        ('select * from esdb._partition_step(''note'', ''2026-02-01'')'),
        ('select * from esdb._partition_step(''n'', pg_catalog.clock_timestamp(), ''close_partition'')'),
        ('select esdb._hold_off_vacuum(''events_note_overflow'')'),
        ('select esdb.set_retention(''note'', ''7 years'')'),
        ('select esdb.set_retention(''n'', '' Forever '')'),
        ('select * from esdb._partition_plan()'),
        ('select * from esdb._partition_plan(9)'),
        ('select * from esdb._partition_plan(null, ''o'', ''order'')'),
        ('select * from esdb._context_plan(''bounded'', ''o'', ''order'')'),
        ('select * from esdb._context_plan(''feature'', ''x'', ''approve'', ''approved'')'),
        ('select esdb.set_aggregate_type(''t'', ''note'', ''m'')'),
        ('select * from esdb.contexts'),
        ('select * from esdb.aggregate_type_contexts'),
        ('select esdb.remove_aggregate_type(''t'')'),
        ('update esdb.settings set value = ''4'' where false'),
        ('insert into esdb.settings (name, value_type, default_value, minimum, maximum, meaning)
            values (''x'', ''integer'', ''1'', ''0'', ''9'', ''x'')'),
        ('select esdb.save_snapshot(''s'', 2, ''{}'')'),
        ('select * from esdb.get_snapshot(''s'', 3, ''2000-01-01'')'),
        ('select * from esdb.load_aggregate(''s'')'),
        ('select l.* from esdb.read_stream(''s'', 4, 4) as e cross join lateral esdb.load_aggregate(''s'', 5,
            e.timestamp operator(pg_catalog.-) interval ''1 microsecond'') as l'),
        ('select * from esdb.snapshots_due'),
        ('select esdb.cleanup_old_snapshots()'),
        ('select esdb.cleanup_old_snapshots(1, ''1 day'')'),
        ('select * from esdb.list_settings()'),
        ('select esdb.set_setting(''snapshots_kept'', ''6'')'),
        ('select esdb.set_setting(''snapshot_retention'', ''P14D'')'),
        ('select esdb.set_setting(''snapshot_retention'')'),
        ('select * from esdb_meta.object_faults()'),
        ('select * from esdb_meta.partition_faults()'),
        ('select * from esdb_meta.sequence_faults()'),
        ('select * from esdb_meta.removed_files(array[''x''])')
) as called (statement);

select is(left(public.under_traps(called.statement), 5), called.code, format('%s: %s', called.code, called.statement))
from (
    values
        ('select esdb.append_event(''s'', ''T'', ''{}'', 99)', 'SE001'),
        ('select esdb.append_event(''none'', ''T'', ''{}'', -1)', 'SE003'),
        ('select esdb.append_event(''s'', ''T'', ''{}'', bounded_context => ''b'')', 'SE004'),
        ('select esdb.append_event(''none'', ''T'', ''{}'')', 'SE005'),
        ('select esdb.append_event(''s'', ''T'', ''{}'', feature_context => ''x'')', 'SE005'),
        ('select esdb.append_event(''s'', ''Other'', ''{}'', id => ''id'')', 'SE006'),
        ('select esdb.append_event(''t'', ''T'', ''{}'', 0, ''n'', ''m'', id => ''id'')', 'SE007'),
        ('delete from esdb.events', 'SE008'),
        ('select esdb.append_event(null, null, null)', 'SE009'),
        ('select * from esdb.append_events(''s'', ''[{}]'')', 'SE009'),
        ('select * from esdb.append_to_streams(''[{"aggregate_id": "two", "expected_version": 9,
            "events": [{"event_type": "T", "payload": {}}]}]'')', 'SE001'),
        ('select * from esdb.read_stream(''s'', -1)', 'SE009'),
        ('select esdb.save_snapshot(''none'', 1, ''{}'')', 'SE003'),
        ('select esdb.save_snapshot(''s'', 99, ''{}'')', 'SE014'),
        ('select esdb.set_setting(''none'', ''1'')', 'SE009'),
        ('select esdb.set_retention(''n'', ''7'')', 'SE009'),
        ('select * from esdb._partition_step(''none'', ''2026-02-01'')', 'SE005'),
        ('select esdb.set_setting(''snapshots_kept'', ''x'')', 'SE009'),
        ('select * from esdb.read_all(-1)', 'SE009'),
        ('select * from esdb.get_event(null)', 'SE009'),
        ('select * from esdb._context_plan(''bounded'', ''o'', ''Order'')', 'SE009'),
        ('select esdb.set_aggregate_type('''', ''n'', ''m'')', 'SE009'),
        ('select esdb.set_aggregate_type(''t'', ''nn'', ''m'')', 'SE005'),
        ('select * from esdb.list_streams(bounded_context => ''x'')', 'SE005'),
        ('select * from esdb.list_streams(max_count => 0)', 'SE009'),
        ('select * from esdb.read_correlated(''c'')', '55000'),
        ('select esdb.ulid_timestamp(null)', 'SE009'),
        ('select * from esdb.read_all(999999)', 'SE022')
) as called (statement, code);

select is((select count(*) from esdb.read_stream('s')), 5::bigint, 'all of it was written');

select * from finish();
