-- The clock in microseconds since 1970.
create or replace function esdb._microseconds()
returns bigint
language sql
volatile
parallel safe
return (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000000)::bigint;

comment on function esdb._microseconds() is 'The clock in microseconds since 1970.';

revoke all on function esdb._microseconds() from public;
