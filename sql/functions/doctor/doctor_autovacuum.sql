-- Whether autovacuum keeps up with the tables that are updated all the time, esdb.streams before all: switched off, behind,
-- or set so that it comes too rarely; and with the partitions, as esdb.partition_health says: one finding for those of a
-- context. What that view says of months and overflows doctor_partitions() tells. Reads catalogs and statistics, locks what
-- that view locks.
create or replace function esdb_meta.doctor_autovacuum()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
with updated as (
    select
        relation.oid,
        relation.relname,
        relation.reltuples,
        options.enabled in ('false', 'off', 'no', '0') as is_off,
        coalesce(options.threshold::double precision, current_setting('autovacuum_vacuum_threshold')::double precision)
            as threshold,
        coalesce(options.scale_factor::double precision, current_setting('autovacuum_vacuum_scale_factor')::double precision)
            as scale_factor,
        pg_stat_get_dead_tuples(relation.oid) as dead
    from pg_class as relation
    cross join lateral (
        select
            max(o.option_value) filter (where o.option_name = 'autovacuum_enabled') as enabled,
            max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_threshold') as threshold,
            max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_scale_factor') as scale_factor
        from pg_options_to_table(relation.reloptions) as o
    ) as options
    where relation.relnamespace = 'esdb'::regnamespace
        and relation.relkind = 'r'
        and not relation.relispartition
),
neglected as (
    select
        kind.finding,
        health.context_name,
        format('esdb.%I: %s', health.partition, reason.text) as fact,
        health.mended_by[reason.place] as statement,
        health.lower_bound
    from esdb.partition_health as health
    cross join lateral unnest(health.reasons) with ordinality as reason (text, place)
    join (
        values
            ('autovacuum is switched off%', 'autovacuum_off'),
            ('sealed, and %', 'vacuum_overdue'),
            ('not vacuumed %', 'vacuum_overdue'),
            ('not analysed %', 'analyze_overdue'),
            ('not frozen %', 'freeze_overdue')
    ) as kind (pattern, finding) on reason.text like kind.pattern
)
select 'autovacuum_off', 'warning', 'setting ' || setting.name, format('%s is off', setting.name), fix.mend, fix.mend_by
from pg_settings as setting
cross join lateral esdb_meta.doctor_setting(setting.name, 'on') as fix
where setting.name in ('autovacuum', 'track_counts')
    and setting.reset_val = 'off'
union all
select
    'autovacuum_off',
    'warning',
    format('table esdb.%I', updated.relname),
    'autovacuum is switched off for it',
    format('alter table esdb.%I reset (autovacuum_enabled);', updated.relname),
    'sql'
from updated
where updated.is_off
union all
select
    'vacuum_overdue',
    'warning',
    format('table esdb.%I', updated.relname),
    format('%s dead rows, autovacuum was to come at %s', updated.dead,
        round(updated.threshold + updated.scale_factor * greatest(updated.reltuples, 0))),
    format('vacuum (analyze) esdb.%I;', updated.relname),
    'sql'
from updated
where updated.dead >= 10000
    and updated.dead > 2 * (updated.threshold + updated.scale_factor * greatest(updated.reltuples, 0))
union all
select
    'vacuum_rare',
    'notice',
    'table esdb.streams',
    format('autovacuum comes when %s rows are dead', round(updated.scale_factor * updated.reltuples)),
    'alter table esdb.streams set (autovacuum_vacuum_scale_factor = 0.02);',
    'sql'
from updated
where updated.relname = 'streams'
    and updated.scale_factor > 0.02
    and updated.scale_factor * updated.reltuples >= 1000000
union all
select
    neglected.finding,
    case neglected.finding when 'analyze_overdue' then 'notice' else 'warning' end,
    'partitions of ' || neglected.context_name,
    (array_agg(neglected.fact order by neglected.lower_bound))[1]
        || case when count(*) > 1 then format('; and %s more', count(*) - 1) else '' end,
    string_agg(neglected.statement || ';', chr(10) order by neglected.lower_bound),
    'sql'
from neglected
group by neglected.finding, neglected.context_name
$function$;

comment on function esdb_meta.doctor_autovacuum() is
    'Findings of `esdb doctor` about autovacuum: off, behind, or too rare for a large esdb.streams; of partitions, too.';

revoke all on function esdb_meta.doctor_autovacuum() from public;
grant execute on function esdb_meta.doctor_autovacuum() to esdb_maintainer;
