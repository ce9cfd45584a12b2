-- When the last refresh of esdb.event_statistics began that has ended; null: never. Locks nothing.
create or replace function esdb._statistics_refreshed()
returns timestamptz
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select to_timestamp(pg_sequence_last_value('esdb.statistics_clock'::regclass) / 1000000.0)
$function$;

comment on function esdb._statistics_refreshed() is 'When esdb.event_statistics was last brought up to date; null: never.';

revoke all on function esdb._statistics_refreshed() from public;
