-- The highest mark known without a scan.
create or replace function esdb._known_mark()
returns bigint
language sql
volatile
parallel unsafe
return coalesce(pg_catalog.pg_sequence_last_value('esdb.established_mark'::regclass), 0);

comment on function esdb._known_mark() is 'The highest high-water mark known without a scan.';

revoke all on function esdb._known_mark() from public;
