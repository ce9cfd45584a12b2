-- Month arithmetic in UTC, whatever the session's time zone. No search_path is pinned, so that it can be inlined;
-- it is written in pg_catalog's functions and operators alone.
create or replace function esdb._utc_month(
    at timestamptz,
    months integer default 0
)
returns timestamptz
language sql
immutable
parallel safe
return pg_catalog.timezone(
    'UTC',
    pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', at))
        operator(pg_catalog.+) pg_catalog.make_interval(months => months)
);

comment on function esdb._utc_month(timestamptz, integer) is
    'The start (UTC) of the month that holds at, moved by a number of months.';

revoke all on function esdb._utc_month(timestamptz, integer) from public;
-- the view esdb.partitions calls it as its reader
grant execute on function esdb._utc_month(timestamptz, integer) to esdb_reader, esdb_writer, esdb_maintainer;
