-- Whether there are connections left, and whose sessions idle. What the caller may not see of other roles' sessions is
-- missing in the advice, not in the count. Locks nothing.
create or replace function esdb_meta.doctor_connections()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
with room as (
    select
        (select sum(d.numbackends) from pg_stat_database as d) as taken,
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true)::integer, 0) as places
),
idle as (
    select s.application_name, count(*) as sessions
    from pg_stat_activity as s
    where s.state = 'idle' and s.pid <> pg_backend_pid()
    group by s.application_name
    order by count(*) desc, s.application_name
    limit 1
)
select
    'connections_short',
    case when room.taken >= 0.95 * room.places then 'critical' else 'warning' end,
    'connections',
    format('%s of %s are taken', room.taken, room.places)
        || coalesce(format(', and %s of those of %L idle', idle.sessions, idle.application_name), ''),
    case
        when idle.sessions >= 2 then format(
            'select pg_terminate_backend(pid) from pg_stat_activity where state = %L and application_name = %L and pid <> pg_backend_pid();',
            'idle', idle.application_name)
        else fix.mend
    end,
    case when idle.sessions >= 2 then 'sql' else fix.mend_by end
from room
left join idle on true
cross join lateral esdb_meta.doctor_setting(
    'max_connections', (2 * current_setting('max_connections')::integer)::text) as fix
where room.taken >= 0.8 * room.places
$function$;

comment on function esdb_meta.doctor_connections() is
    'Findings of `esdb doctor` about connections: when four fifths of them are taken.';

revoke all on function esdb_meta.doctor_connections() from public;
grant execute on function esdb_meta.doctor_connections() to esdb_maintainer;
