-- The end (UTC) of the newest month that holds an event: no leaf from there on needs to be read.
create or replace function esdb._newest_month_end()
returns timestamptz
language sql
volatile
parallel safe
return pg_catalog.to_timestamp(coalesce(pg_catalog.pg_sequence_last_value('esdb.newest_month'::regclass), 0));

comment on function esdb._newest_month_end() is 'The end (UTC) of the newest month that holds an event.';

revoke all on function esdb._newest_month_end() from public;
