-- A number for a stream in a month; those of many, XORed, stand for which they are. No search_path is pinned, so that
-- it can be inlined; it is parsed when it is made.
create or replace function esdb_meta._month_hash(
    aggregate_id text,
    month timestamptz
)
returns bigint
language sql
immutable
parallel safe
return pg_catalog.hashtextextended(aggregate_id, extract(epoch from month)::bigint);

comment on function esdb_meta._month_hash(text, timestamptz) is 'A number that stands for a stream in a month.';

revoke all on function esdb_meta._month_hash(text, timestamptz) from public;
