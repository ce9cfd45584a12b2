-- The leaves of esdb.events that a check of the data visits, with their sizes for its progress: all of them, or those
-- that hold a stream's events, be it by its row and its noted months or in fact. Reads the catalog and sizes of files;
-- for a stream also each leaf's index on (aggregate_id, version), and then it holds the locks of one context's leaves at
-- a time, shared. Holds none at its end.
--
-- noted_count and noted_hash: of all leaves, how many streams are noted for the leaf's months, and which; found by reading
-- all streams once, which esdb_meta.leaf_faults() would do for each leaf.
--
-- A leaf is named by its oid: an overflow that becomes a span meanwhile keeps it, and changes its name.
-- Errors: SE009 (nothing in the store is of such a stream).
create or replace function esdb_meta.leaves(
    aggregate_id text default null
)
returns table (
    leaf oid,
    partition text,
    bytes bigint,
    rows_estimate bigint,
    noted_count bigint,
    noted_hash bigint
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    _leaves constant oid[] := array(
        select e.leaf
        from esdb._in_each_context(
            'select distinct e.tableoid from esdb.%I as e where e.aggregate_id = $1', leaves.aggregate_id
        ) as e (leaf oid)
        where leaves.aggregate_id is not null
    );
begin
    if leaves.aggregate_id is not null
        and not exists (select from esdb.streams as s where s.aggregate_id = leaves.aggregate_id)
        and cardinality(_leaves) = 0
        and not exists (select from esdb.detached_heads as d where d.aggregate_id = leaves.aggregate_id)
        and not exists (select from esdb.stream_months as m where m.aggregate_id = leaves.aggregate_id)
        and not exists (select from esdb.snapshots as p where p.aggregate_id = leaves.aggregate_id)
        and not exists (select from esdb.idempotency_keys as k where k.aggregate_id = leaves.aggregate_id)
    then
        perform esdb._invalid_argument(
            'aggregate_id', format('there is no stream %s', leaves.aggregate_id), 'Pass the aggregate_id of a stream.');
    end if;
    return query
    -- materialized: each looks at the catalog for every leaf
    with leaf as materialized (
        select l.leaf, l.partition, l.bounded_context, l.context_name, l.lower_bound, l.upper_bound
        from esdb._leaves as l
    ),
    entered as (
        select s.bounded_context, s.aggregate_id, esdb._utc_month(s.created_at) as month
        from esdb.streams as s
        where leaves.aggregate_id is null
        union all
        select s.bounded_context, m.aggregate_id, m.month
        from esdb.stream_months as m
        join esdb.streams as s on s.aggregate_id = m.aggregate_id
        where leaves.aggregate_id is null
    ),
    noted as materialized (
        select
            n.bounded_context, n.month, count(*) as streams, bit_xor(esdb_meta._month_hash(n.aggregate_id, n.month)) as hash
        from entered as n
        group by n.bounded_context, n.month
    )
    select
        relation.oid,
        p.partition,
        pg_relation_size(relation.oid),
        greatest(relation.reltuples, 0)::bigint,
        case when leaves.aggregate_id is null then coalesce(of_leaf.streams, 0) end,
        of_leaf.hash
    from leaf as p
    join pg_class as relation on relation.oid = p.leaf
    left join (
        select l.leaf, sum(n.streams)::bigint as streams, bit_xor(n.hash) as hash
        from leaf as l
        join noted as n on n.bounded_context = l.bounded_context
            and n.month >= l.lower_bound
            and coalesce(n.month < l.upper_bound, true)
        group by l.leaf
    ) as of_leaf on of_leaf.leaf = p.leaf
    where leaves.aggregate_id is null
        or relation.oid = any (_leaves)
        or exists (
            select
            from esdb.streams as s
            left join esdb.stream_months as m on m.aggregate_id = s.aggregate_id
            where s.aggregate_id = leaves.aggregate_id
                and s.bounded_context = p.bounded_context
                and (
                    (s.created_at >= p.lower_bound and coalesce(s.created_at < p.upper_bound, true))
                    or (m.month >= p.lower_bound and coalesce(m.month < p.upper_bound, true))
                )
        )
    order by p.context_name, p.lower_bound;
end
$function$;

comment on function esdb_meta.leaves(text) is
    'The leaves of esdb.events, or those that a stream has events in, or notes: oid, name, bytes, estimated rows, and which streams are noted for it. Errors: SE009 (nothing is of such a stream).';

revoke all on function esdb_meta.leaves(text) from public;
grant execute on function esdb_meta.leaves(text) to esdb_maintainer;
