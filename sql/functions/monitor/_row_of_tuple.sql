-- Which stream, or which partition of a subscription, a row of the store's tables is of, by the place at which a lock names
-- it; nulls where the row has moved on meanwhile, or is of another table. For the view lock_waits.
--
-- VOLATILE: the row is looked for as it is now. As of the query's beginning, a stream that is written to all the time
-- would stand somewhere else.
create or replace function esdb._row_of_tuple(
    relation oid,
    page integer,
    tuple smallint,
    out aggregate_id text,
    out subscription text,
    out partition integer
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
-- volatile, so that it sees the row as it is now; @plpgsql_check_options: performance_warnings = off
declare
    _place constant tid := format('(%s,%s)', page, tuple)::tid;
begin
    case relation
        when 'esdb.streams'::regclass then
            select s.aggregate_id
            into aggregate_id
            from esdb.streams as s
            where s.ctid = _place;
        when 'esdb.idempotency_keys'::regclass then
            select k.aggregate_id
            into aggregate_id
            from esdb.idempotency_keys as k
            where k.ctid = _place;
        when 'esdb.snapshots'::regclass then
            select s.aggregate_id
            into aggregate_id
            from esdb.snapshots as s
            where s.ctid = _place;
        when 'esdb.subscription_partitions'::regclass then
            select p.subscription, p.partition
            into subscription, partition
            from esdb.subscription_partitions as p
            where p.ctid = _place;
        else
            null;
    end case;
end
$function$;

comment on function esdb._row_of_tuple(oid, integer, smallint) is
    'The stream or the subscription''s partition whose row stands at a place of a table; nulls: none that is there now.';

revoke all on function esdb._row_of_tuple(oid, integer, smallint) from public;
-- the view lock_waits calls it as its reader
grant execute on function esdb._row_of_tuple(oid, integer, smallint) to esdb_reader, esdb_writer, esdb_maintainer;
