-- Indexes that cost and serve nobody: those that a killed or failed statement left invalid, and those that no query has used
-- for a month, optional ones and an administrator's own. What `esdb indexes` is at work on is left out. SECURITY DEFINER for
-- the list of what is ours. Reads the catalog and statistics, locks nothing.
create or replace function esdb_meta.doctor_indexes()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with at_work as (
    -- the lock of `esdb indexes`, whose key is 29284::bigint << 48
    select exists (
        select
        from pg_locks as l
        join pg_database as d on d.oid = l.database
        where l.locktype = 'advisory' and l.objsubid = 1 and (l.classid::bigint >> 16) = 29284
            and d.datname = current_database()
    ) as is_so
),
indexes as (
    select
        relation.oid,
        relation.relname,
        facts.indisvalid and facts.indisready as is_valid,
        facts.indisunique as is_unique,
        pg_stat_get_numscans(relation.oid) as scans,
        key.conindid is not null
            or recorded.name is not null
            or table_of.relispartition
                and substr(relation.relname::text, length(table_of.relname::text) + 1)
                    in ('_event_type', '_context', '_timestamp') as is_ours,
        optional.name as optional_name,
        coalesce(chosen.ready, false) as is_wanted,
        relation.relname ~ '_cc(new|old)[0-9]*$' as is_left_over
    from pg_index as facts
    join pg_class as relation on relation.oid = facts.indexrelid
    join pg_class as table_of on table_of.oid = facts.indrelid
    left join (
        select distinct c.conindid
        from pg_constraint as c
        where c.contype in ('p', 'u', 'x')
    ) as key on key.conindid = relation.oid
    left join esdb_meta.objects as recorded
        on recorded.kind = 'index' and recorded.name = format('esdb.%I', relation.relname)
    left join esdb._optional_index_definitions() as optional
        on optional.stands_on_leaves = table_of.relispartition
        and (table_of.relispartition or table_of.relname = 'streams')
        and relation.relname = table_of.relname::text || '_' || optional.suffix
    left join esdb.optional_indexes as chosen on chosen.name = optional.name
    where relation.relnamespace = 'esdb'::regnamespace
        and relation.relkind = 'i'
),
counted as (
    select coalesce(
        (select d.stats_reset from pg_stat_database as d where d.datname = current_database()),
        (select e.began_at from esdb.epochs as e where e.number = 1)
    ) as since
)
select
    'index_invalid',
    'warning',
    format('index esdb.%I', indexes.relname),
    'it is invalid: no query uses it, every write keeps it up',
    case
        when indexes.optional_name is not null and not indexes.is_left_over
            then format('esdb indexes enable %s', indexes.optional_name)
        when indexes.is_ours and not indexes.is_left_over then format('reindex index concurrently esdb.%I;', indexes.relname)
        else format('drop index concurrently esdb.%I;', indexes.relname)
    end,
    case when indexes.optional_name is not null and not indexes.is_left_over then 'shell' else 'sql' end
from indexes
cross join at_work
where not indexes.is_valid
    and not at_work.is_so
    and not exists (select from pg_stat_progress_create_index as p where p.index_relid = indexes.oid)
union all
select
    'index_unused',
    'notice',
    'optional index ' || indexes.optional_name,
    format('no query has used it since %s', max(counted.since)::date),
    format('esdb indexes disable %s', indexes.optional_name),
    'shell'
from indexes
cross join counted
where indexes.optional_name is not null
    and indexes.is_wanted
    and counted.since + interval '30 days' <= clock_timestamp()
group by indexes.optional_name
having sum(indexes.scans) = 0
union all
select
    'index_unused',
    'notice',
    format('index esdb.%I', indexes.relname),
    format('no query has used it since %s, and it is not one of the store''s', counted.since::date),
    format('drop index concurrently esdb.%I;', indexes.relname),
    'sql'
from indexes
cross join counted
where indexes.optional_name is null
    and indexes.is_valid
    and not indexes.is_ours
    and not indexes.is_unique
    and indexes.scans = 0
    and counted.since + interval '30 days' <= clock_timestamp()
$function$;

comment on function esdb_meta.doctor_indexes() is
    'Findings of `esdb doctor` about indexes: invalid, or optional or added by hand and unused for a month.';

revoke all on function esdb_meta.doctor_indexes() from public;
grant execute on function esdb_meta.doctor_indexes() to esdb_maintainer;
