-- The rows of the view partition_health: every leaf of esdb.events, with what is wrong and what mends it. Reads the
-- catalog and the server's statistics, and of an overflow whether there is anything in it, because a crash loses the
-- statistics: see esdb._overflow_since(). It answers also while a leaf is locked, and keeps no lock. What autovacuum
-- should have done has an hour, what maintenance should have done a month.
create or replace function esdb._partition_health()
returns table (
    bounded_context text,
    context_name text,
    partition text,
    kind text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    state text,
    rows_estimate bigint,
    dead_rows bigint,
    rows_since_vacuum bigint,
    changes_since_analyze bigint,
    last_vacuum timestamptz,
    last_analyze timestamptz,
    visible numeric,
    transaction_age integer,
    multixact_age integer,
    reasons text[],
    mended_by text[]
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _now constant timestamptz := clock_timestamp();
    -- autovacuum looks around every minute: what it has not done by then it does not get to
    _hour constant interval := interval '1 hour';
    _month constant interval := interval '1 month';
    _seal_after constant interval := esdb._setting('seal_after')::interval;
    -- autovacuum freezes a table at this age; what is older by a tenth it has not got to
    _oldest constant bigint := current_setting('autovacuum_freeze_max_age')::bigint * 11 / 10;
    _oldest_multixact constant bigint := current_setting('autovacuum_multixact_freeze_max_age')::bigint * 11 / 10;
begin
    return query
    with leaves as materialized (
        select
            l.*,
            format('esdb.%I', l.partition) as table_name,
            case when l.kind = 'overflow' then esdb._overflow_since(l.leaf) end as overflow_since,
            archives.state is not null as is_archived,
            seals.number is not null as is_sealed,
            contexts.retain,
            seals.sealed_at,
            coalesce(
                seals.event_count,
                greatest(nullif(relation.reltuples, -1)::bigint, nullif(pg_stat_get_live_tuples(l.leaf), 0))) as tuples,
            relation.reltuples < 0 as is_unknown,
            greatest(pg_stat_get_last_vacuum_time(l.leaf), pg_stat_get_last_autovacuum_time(l.leaf)) as last_vacuum,
            greatest(pg_stat_get_last_analyze_time(l.leaf), pg_stat_get_last_autoanalyze_time(l.leaf)) as last_analyze,
            pg_stat_get_dead_tuples(l.leaf) as dead,
            pg_stat_get_ins_since_vacuum(l.leaf) as inserted,
            pg_stat_get_mod_since_analyze(l.leaf) as changed,
            round(relation.relallvisible::numeric / nullif(relation.relpages, 0), 2) as visible,
            greatest(age(relation.relfrozenxid), age(toast.relfrozenxid)) as transaction_age,
            greatest(mxid_age(relation.relminmxid), mxid_age(toast.relminmxid)) as multixact_age,
            exists (
                select
                from pg_options_to_table(relation.reloptions) as option
                where option.option_name = 'autovacuum_enabled' and not option.option_value::boolean
            ) as has_no_autovacuum
        from esdb._leaves as l
        join pg_class as relation on relation.oid = l.leaf
        join esdb.bounded_contexts as contexts on contexts.code = l.bounded_context
        left join pg_class as toast on toast.oid = relation.reltoastrelid
        left join esdb.seals as seals on seals.bounded_context = l.bounded_context and seals.lower_bound = l.lower_bound
        left join esdb.archives as archives
            on archives.bounded_context = l.bounded_context and archives.lower_bound = l.lower_bound
    ),
    judged as (
        select l.leaf, found.place, found.reason, found.mended_by
        from leaves as l
        left join esdb._unfinished_bounds() as b on b.partition = l.partition
        cross join lateral (
            values
                (1, b.upper_bound is not null,
                    format('has an unfinished bound: appends fail from %s on', b.upper_bound::date),
                    'esdb partitions create-next'),
                (2, l.kind = 'overflow' and (l.tuples > 0 or l.overflow_since is not null),
                    format('holds about %s events: no month was there for them', greatest(l.tuples, 1)),
                    'esdb partitions create-next'),
                (3, l.transaction_age > _oldest or l.multixact_age > _oldest_multixact,
                    format('not frozen for %s transactions: autovacuum does not get to it, and at 2 billion the server stops',
                        l.transaction_age),
                    format('vacuum (freeze) %s', l.table_name)),
                (4, l.has_no_autovacuum,
                    'autovacuum is switched off for it',
                    format('alter table %s reset (autovacuum_enabled)', l.table_name)),
                (5, l.tuples > 0 and coalesce(l.visible, 0) < 0.9 and l.sealed_at < _now - _hour,
                    format('sealed, and %s of its pages not vacuumed since', 1 - coalesce(l.visible, 0)),
                    format('vacuum (freeze, analyze) %s', l.table_name)),
                (6, not l.is_sealed and greatest(l.dead, l.inserted / 2) > greatest(10000, l.tuples / 3)
                    and coalesce(l.last_vacuum, l.lower_bound) < _now - _hour,
                    format('not vacuumed for %s appended and %s dead rows', l.inserted, l.dead),
                    format('vacuum (analyze) %s', l.table_name)),
                (7, (l.is_unknown and l.tuples >= 1000 or l.changed > greatest(10000, l.tuples / 3))
                    and coalesce(l.last_analyze, l.lower_bound) < _now - _hour,
                    format('not analysed for %s rows: plans go by old figures', greatest(l.changed, l.tuples * l.is_unknown::integer)),
                    format('analyze %s', l.table_name)),
                (8, not l.is_sealed and l.upper_bound + _seal_after + _month <= _now,
                    format('due for sealing since %s', (l.upper_bound + _seal_after)::date),
                    'esdb maintain'),
                (9, not l.is_archived and l.upper_bound + l.retain + _month <= _now,
                    format('past the time to be kept since %s', (l.upper_bound + l.retain)::date),
                    'esdb partitions archive')
        ) as found (place, is_so, reason, mended_by)
        where found.is_so
    )
    select
        l.bounded_context::text,
        l.context_name,
        l.partition,
        l.kind,
        l.lower_bound,
        l.upper_bound,
        case
            when l.is_archived then 'archiving'
            when l.is_sealed then 'sealed'
            when l.kind = 'overflow' then 'overflow'
            when l.upper_bound + _seal_after <= _now then 'due'
            when l.upper_bound <= _now then 'over'
            when l.lower_bound > _now then 'ahead'
            else 'current'
        end,
        l.tuples,
        l.dead,
        l.inserted,
        l.changed,
        l.last_vacuum,
        l.last_analyze,
        l.visible,
        l.transaction_age,
        l.multixact_age,
        coalesce(j.reasons, '{}'),
        coalesce(j.mended_by, '{}')
    from leaves as l
    left join (
        select
            f.leaf,
            array_agg(f.reason order by f.place) as reasons,
            array_agg(f.mended_by order by f.place) as mended_by
        from judged as f
        group by f.leaf
    ) as j on j.leaf = l.leaf
    order by l.context_name, l.lower_bound;
end
$function$;

comment on function esdb._partition_health() is 'The rows of the view partition_health.';

revoke all on function esdb._partition_health() from public;
-- the view calls it as its reader
grant execute on function esdb._partition_health() to esdb_reader, esdb_writer, esdb_maintainer;
