-- recorded_by is the role that was SET, else the session's user; no caller chooses it.
select plan(6);

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

select refused(
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
