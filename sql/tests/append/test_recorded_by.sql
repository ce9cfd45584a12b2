-- recorded_by is the role that was SET, else the session's user; no caller chooses it.
select plan(6);

-- Asserts that a statement is refused: with this code, a DETAIL like this, and a MESSAGE and HINT that say something.
create function pg_temp.refused(
    statement text,
    code text,
    detail text,
    description text
)
returns text
language plpgsql
as $$
declare
    _code text := 'no error';
    _message text;
    _detail text;
    _hint text;
begin
    begin
        execute statement;
    exception
        when others then
            get stacked diagnostics
                _code = returned_sqlstate,
                _message = message_text,
                _detail = pg_exception_detail,
                _hint = pg_exception_hint;
    end;
    return is(
        format('%s %s', _code, case when _detail like refused.detail then refused.detail else _detail end)
            || case when _message = '' then ' without message' when _hint = '' then ' without hint' else '' end,
        format('%s %s', refused.code, refused.detail),
        description);
end
$$;

create function pg_temp.append_as(role_name text, aggregate_id text)
returns void
language plpgsql
as $$
begin
    perform set_config('role', role_name, true);
    perform esdb.append_event(append_as.aggregate_id, 'Made', '{}', 0, 'n', 'm');
    perform esdb.append_events(append_as.aggregate_id, '[{"event_type": "Changed", "payload": {}}]');
    perform set_config('role', 'none', true);
end
$$;

begin;
create role "App Önë" nologin;
grant esdb_writer to "App Önë";
select esdb.append_event('session', 'Made', '{}', 0, 'n', 'm');
select pg_temp.append_as('App Önë', 'set');
set local role none;

select is(e.recorded_by, session_user::text, 'without SET ROLE it is the session''s user')
from esdb.read_stream('session') as e;
select is(e.recorded_by, 'App Önë', format('under SET ROLE it is that role: %s', e.event_type))
from esdb.read_stream('set') as e;
rollback;

select pg_temp.refused(
    $$select * from esdb.append_events('s', '[{"event_type": "T", "payload": {}, "recorded_by": "root"}]', 0, 'n', 'm')$$,
    'SE009', 'events: event 1: unknown key recorded_by', 'an event cannot name its recorder'
);
select is(
    (
        select count(*)
        from pg_proc as p
        where p.pronamespace = 'esdb'::regnamespace and p.proname in ('append_event', 'append_events')
            and 'recorded_by' = any (p.proargnames)
    ),
    0::bigint,
    'no append has an argument for it'
);
select set_config('esdb.recorded_by', 'root', false);
select esdb.append_event('setting', 'Made', '{"recorded_by": "root"}', 0, 'n', 'm', metadata => '{"recorded_by": "root"}');
select is(e.recorded_by, session_user::text, 'neither setting nor metadata nor payload changes it')
from esdb.read_stream('setting') as e;

select * from finish();
