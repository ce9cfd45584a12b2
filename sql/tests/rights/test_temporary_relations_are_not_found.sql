-- A caller's temporary relations are not what the store's functions find by an unqualified name: a view would run the
-- caller's code as the store's owner, and hide the announcements of open appends from the feed.
select plan(18);

create temporary table outcome (
    number serial,
    statement text,
    result text
);

-- raises wherever it does not run as the caller itself
create function public.spy()
returns boolean
language plpgsql
as $$
begin
    if current_user <> 'mallory' then
        raise exception 'a function of the caller runs as %', current_user;
    end if;
    return true;
end
$$;

create function pg_temp.attempt_all()
returns void
language plpgsql
as $$
declare
    _statement pg_catalog.text;
    _result pg_catalog.text;
begin
    foreach _statement in array array[
        'select esdb.append_event(''s'', ''T'', ''{}'', bounded_context => ''n'', group_context => ''m'')',
        'select * from esdb.append_events(''s'', ''[{"event_type": "T", "payload": {}}]'')',
        'select esdb.append_event(''s'', ''T'', ''{}'', idempotency_key => ''key'', id => ''id'')',
        'select esdb.append_event(''s'', ''T'', ''{}'', idempotency_key => ''key'', id => ''id'')',
        'select * from esdb.read_stream(''s'')',
        'select * from esdb.read_all()',
        'select esdb.high_water_mark()',
        'select * from esdb.get_event(''none'')',
        'select * from esdb.get_stream_info(''s'')',
        'select esdb.stream_version(''s'')',
        'select esdb.save_snapshot(''s'', 1, ''{}'')',
        'select * from esdb.get_snapshot(''s'', as_of => clock_timestamp())',
        'select * from esdb.load_aggregate(''s'')',
        'select * from esdb.snapshots_due',
        'select * from esdb.list_settings()',
        'select esdb.new_ulid()',
        'select esdb.ulid_timestamp(''01ARZ3NDEKTSV4RRFFQ69G5FAV'')'
    ] loop
        begin
            perform set_config('role', 'mallory', true);
            execute _statement;
            _result := 'works';
        exception
            when others then
                _result := sqlerrm;
        end;
        perform set_config('role', 'none', true);
        insert into pg_temp.outcome (statement, result)
        values (_statement, _result);
    end loop;
end
$$;

begin;
create role mallory nologin;
grant esdb_writer to mallory;
select esdb.append_event('open', 'T', '{}', 0, 'n', 'm');
set local role mallory;
create temporary view pg_locks as
select
    'advisory' as locktype,
    1::smallint as objsubid,
    (29281::bigint << 16)::oid as classid,
    case when public.spy() then 4096 end::oid as objid,
    d.oid as database
from pg_catalog.pg_database as d
where d.datname = pg_catalog.current_database();
create temporary view pg_database as
select d.oid, d.datname from pg_catalog.pg_database as d where public.spy();
set local role none;
select pg_temp.attempt_all();
drop view pg_temp.pg_locks;
drop view pg_temp.pg_database;

select is(result, 'works', statement)
from outcome
order by number;
select cmp_ok(
    (select coalesce(pg_sequence_last_value('esdb.recorded_mark'), 0)), '<=', 0::bigint,
    'no mark was recorded beyond this transaction''s announcement'
);
select * from finish();
rollback;
