-- Whether esdb.event_statistics is as fresh as `esdb health ready` wants it. Locks nothing.
create or replace function esdb_meta.doctor_statistics()
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
select 'statistics_old', 'notice', 'view esdb.event_statistics', health.detail, 'esdb refresh-stats', 'shell'
from esdb._health_of_statistics(36) as health
where not health.is_ok
$function$;

comment on function esdb_meta.doctor_statistics() is
    'Findings of `esdb doctor` about esdb.event_statistics: not refreshed for 36 hours.';

revoke all on function esdb_meta.doctor_statistics() from public;
grant execute on function esdb_meta.doctor_statistics() to esdb_maintainer;
