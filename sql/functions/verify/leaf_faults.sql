-- Where a leaf's events and the streams' rows do not agree: versions with a gap or a duplicate, not as many as the
-- stream counts, or in months that it does not note; times or positions that run backwards; another type or context
-- than the stream's; events of no stream, streams without events. One row a fault: the first max_count of each kind,
-- and in `total` how many of that kind there are.
--
-- Reads the leaf once, and by key the streams of its events, where noted_count and noted_hash say which are noted for it:
-- see esdb_meta.leaves(). Without them, or where they do not fit, it reads all streams. All of it is one statement, so one snapshot: right beside
-- any number of appends. Locks the leaf in ACCESS SHARE until the transaction's end, and only then asks for its bounds:
-- before, an overflow may step aside and come back as a span. A leaf that is gone has no faults.
create or replace function esdb_meta.leaf_faults(
    leaf oid,
    aggregate_id text default null,
    max_count integer default 100,
    noted_count bigint default null,
    noted_hash bigint default null
)
returns table (
    kind text,
    name text,
    fault text,
    total bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
as $function$
#variable_conflict use_column
-- volatile, so that what it asks after it got the lock is of a newer snapshot; @plpgsql_check_options: performance_warnings = off
declare
    _partition text;
    _bounds record;
    _month timestamptz;
    _name text;
begin
    loop
        select relation.relname
        into _partition
        from pg_class as relation
        where relation.oid = leaf_faults.leaf
            and relation.relnamespace = 'esdb'::regnamespace
            and relation.relkind = 'r'
            and relation.relispartition;
        if _partition is null then
            return;
        end if;
        begin
            execute format('lock table esdb.%I in access share mode', _partition);
            exit when to_regclass(format('esdb.%I', _partition)) = leaf_faults.leaf;
        exception
            -- renamed or dropped just now: look again
            when undefined_table then
                null;
        end;
    end loop;

    select c.code as bounded_context, b.lower_bound, b.upper_bound
    into _bounds
    from pg_inherits as tree
    join pg_class as context_table on context_table.oid = tree.inhparent
    join esdb.bounded_contexts as c on 'events_' || c.name = context_table.relname
    cross join lateral esdb._partition_bounds(tree.inhrelid) as b
    where tree.inhrelid = leaf_faults.leaf;
    if _bounds.bounded_context is null then
        return;
    end if;
    _month := case when _bounds.upper_bound = esdb._utc_month(_bounds.lower_bound, 1) then _bounds.lower_bound end;
    _bounds.lower_bound := coalesce(_bounds.lower_bound, '-infinity');
    _bounds.upper_bound := coalesce(_bounds.upper_bound, 'infinity');
    _name := 'esdb.' || quote_ident(_partition);
    if leaf_faults.noted_count is not null then
        execute format(
            esdb_meta._leaf_query(true), _partition, _month, _bounds.bounded_context, _bounds.lower_bound,
            _bounds.upper_bound, leaf_faults.aggregate_id, _name)
        into kind
        using leaf_faults.max_count, leaf_faults.noted_count, leaf_faults.noted_hash;
        if kind is null then
            return;
        end if;
    end if;
    for kind, name, fault, total in
        execute format(
            esdb_meta._leaf_query(false), _partition, _month, _bounds.bounded_context, _bounds.lower_bound,
            _bounds.upper_bound, leaf_faults.aggregate_id, _name)
        using leaf_faults.max_count
    loop
        return next;
    end loop;
end
$function$;

comment on function esdb_meta.leaf_faults(oid, text, integer, bigint, bigint) is
    'Where the events of a leaf (of one stream, if given) do not agree with their streams: the first max_count faults of each kind. noted_count and noted_hash, from esdb_meta.leaves(), spare reading all streams.';

revoke all on function esdb_meta.leaf_faults(oid, text, integer, bigint, bigint) from public;
grant execute on function esdb_meta.leaf_faults(oid, text, integer, bigint, bigint) to esdb_maintainer;
