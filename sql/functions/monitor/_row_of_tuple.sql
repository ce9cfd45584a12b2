-- Which stream, or which partition of a subscription, a row of the store's tables is of, by the place at which a lock names
-- it; nulls where that place was taken by another row since, or the table is another one. For the view lock_waits.
--
-- Who waits has named the version of the row that was the newest when it began to: on a stream that is written to all the
-- time others have come since, to which currtid2() follows it, as the waiting session itself will. VOLATILE and tried
-- again, because meanwhile there may be one more.
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
    _table constant text := case
        when relation in (
            'esdb.streams'::regclass, 'esdb.idempotency_keys'::regclass, 'esdb.snapshots'::regclass,
            'esdb.subscription_partitions'::regclass)
            then relation::regclass::text
    end;
    _place constant tid := format('(%s,%s)', page, tuple)::tid;
begin
    if _table is null then
        return;
    end if;
    for _attempt in 1 .. 3 loop
        if relation = 'esdb.subscription_partitions'::regclass then
            select p.subscription, p.partition
            into subscription, partition
            from esdb.subscription_partitions as p
            where p.ctid = (select currtid2(_table, _place));
        else
            execute format('select r.aggregate_id from %s as r where r.ctid = (select currtid2($1, $2))', _table)
                into aggregate_id
                using _table, _place;
        end if;
        exit when num_nonnulls(aggregate_id, subscription) > 0;
    end loop;
end
$function$;

comment on function esdb._row_of_tuple(oid, integer, smallint) is
    'The stream or the subscription''s partition whose row stands at a place of a table; nulls: none that is there now.';

revoke all on function esdb._row_of_tuple(oid, integer, smallint) from public;
-- the view lock_waits calls it as its reader
grant execute on function esdb._row_of_tuple(oid, integer, smallint) to esdb_reader, esdb_writer, esdb_maintainer;
