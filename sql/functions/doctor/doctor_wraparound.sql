-- How many transaction ids, and ids of several lockers of a row, are left before the server refuses to write, of every
-- database of the cluster: the server stops for all of them. Locks nothing.
create or replace function esdb_meta.doctor_wraparound()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select
    'wraparound',
    case when greatest(used.xids, used.multixacts) >= 1600000000 then 'critical' else 'warning' end,
    'database ' || place.datname,
    format('%s transaction ids and %s multixact ids are in use; at 2,100 million the server refuses to write', used.xids,
        used.multixacts),
    case
        when place.datname = current_database() then 'vacuum (freeze);'
        else 'vacuumdb --freeze --dbname=' || esdb_meta.doctor_shell_word(place.datname::text)
    end,
    case when place.datname = current_database() then 'sql' else 'shell' end
from pg_database as place
cross join lateral (
    select age(place.datfrozenxid) as xids, mxid_age(place.datminmxid) as multixacts
) as used
where used.xids >= least(1000000000, 2 * current_setting('autovacuum_freeze_max_age')::bigint)
    or used.multixacts >= least(1000000000, 2 * current_setting('autovacuum_multixact_freeze_max_age')::bigint)
$function$;

comment on function esdb_meta.doctor_wraparound() is
    'Findings of `esdb doctor` about transaction ids that run out.';

revoke all on function esdb_meta.doctor_wraparound() from public;
grant execute on function esdb_meta.doctor_wraparound() to esdb_maintainer;
