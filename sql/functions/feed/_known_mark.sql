-- The highest mark known without a scan: the recorded one, or what this session found in a read-only transaction.
create or replace function esdb._known_mark()
returns bigint
language sql
volatile
parallel unsafe
return greatest(
    coalesce(pg_catalog.pg_sequence_last_value('esdb.recorded_mark'::regclass), 0),
    case
        when pg_catalog.current_setting('esdb.mark', true) ~ '^[0-9]{1,18}$'
            then pg_catalog.current_setting('esdb.mark', true)::bigint
    end
);

comment on function esdb._known_mark() is 'The highest high-water mark known without a scan.';

revoke all on function esdb._known_mark() from public;
