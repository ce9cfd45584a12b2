-- Notes that a stream has its first event in a month other than the one before, for the readers, who visit only the
-- months noted. The stream's row is locked by the caller.
create or replace function esdb._enter_month(
    aggregate_id text,
    "timestamp" timestamptz,
    first_version bigint
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
insert into esdb.stream_months (aggregate_id, month, first_version)
values (aggregate_id, esdb._utc_month("timestamp"), first_version)
$function$;

comment on function esdb._enter_month(text, timestamptz, bigint) is
    'Notes the month (UTC) that a stream enters and the version of its first event there.';

revoke all on function esdb._enter_month(text, timestamptz, bigint) from public;
