-- A caller's temporary types are not what the store's functions find by an unqualified name: a domain's CHECK would run
-- the caller's code as the store's owner.
select plan(17);

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
-- in this order: text last, because the statements before it name it
set local role mallory;
create domain pg_temp.jsonb as pg_catalog.jsonb check (public.spy());
create domain pg_temp.timestamptz as pg_catalog.timestamptz check (public.spy());
create domain pg_temp.bytea as pg_catalog.bytea check (public.spy());
create domain pg_temp.text as pg_catalog.text check (public.spy());
set local role none;
select pg_temp.attempt_all();
drop domain pg_temp.text;
drop domain pg_temp.bytea;
drop domain pg_temp.timestamptz;
drop domain pg_temp.jsonb;

select is(result, 'works', statement)
from outcome
order by number;
select * from finish();
rollback;
