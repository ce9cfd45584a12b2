-- The highest mark known without a scan: the recorded one, on a standby the one that the primary has published.
create or replace function esdb._known_mark()
returns bigint
language sql
volatile
parallel unsafe
return coalesce(
    case
        when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_sequence_last_value('esdb.durable_mark'::regclass)
        else pg_catalog.pg_sequence_last_value('esdb.established_mark'::regclass)
    end, 0);

comment on function esdb._known_mark() is 'The highest high-water mark known without a scan.';

revoke all on function esdb._known_mark() from public;
