-- The partition of a subscription that an aggregate belongs to: the first 31 bits of SHA-256 of its id, modulo the number
-- of partitions. Not one of the server's own hash functions: those may differ from version to version, and a subscription
-- outlives an upgrade. Stable, because the encoding of the database is; a call inside a query is inlined.
create or replace function esdb._partition_of(
    aggregate_id text,
    partitions integer
)
returns integer
language sql
stable
parallel safe
return (
    ('x' || encode(pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(aggregate_id, 'UTF8')), 1, 4), 'hex'))::bit(31)::integer
    % partitions
);

comment on function esdb._partition_of(text, integer) is 'The partition, from 0 on, of a subscription that an aggregate belongs to.';

revoke all on function esdb._partition_of(text, integer) from public;
