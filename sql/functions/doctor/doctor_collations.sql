-- Whether the order of text is still the one that indexes were built in: the versions that the database and the collations
-- noted against those of the libraries now. Ids and types of events are indexed in the order of bytes ("C"), so safe; codes
-- of contexts are not. Reads the catalog, locks nothing.
create or replace function esdb_meta.doctor_collations()
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
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
with used as materialized (
    -- to ask for a collation's version opens it, and there are hundreds
    select distinct part.oid
    from pg_index as facts
    cross join unnest(facts.indcollation::oid[]) as part (oid)
),
noted as materialized (
    select collation_of.oid, collation_of.collname, collation_of.collnamespace, collation_of.collversion
    from pg_collation as collation_of
    join used on used.oid = collation_of.oid
    where collation_of.collversion is not null
),
changed as (
    select
        'database ' || place.datname as subject,
        place.datcollversion as noted,
        actual.version as found,
        100::oid as oid,
        format('alter database %I refresh collation version;', place.datname) as refresh
    from pg_database as place
    cross join lateral (select pg_database_collation_actual_version(place.oid) as version) as actual
    where place.datname = current_database()
        and place.datcollversion <> actual.version
    union all
    select
        format('collation %I.%I', space.nspname, collation_of.collname),
        collation_of.collversion,
        actual.version,
        collation_of.oid,
        format('alter collation %I.%I refresh version;', space.nspname, collation_of.collname)
    from noted as collation_of
    join pg_namespace as space on space.oid = collation_of.collnamespace
    cross join lateral (select pg_collation_actual_version(collation_of.oid) as version) as actual
    where collation_of.collversion <> actual.version
)
select
    'collation_changed',
    case when dependent.indexes > 0 then 'critical' else 'notice' end,
    changed.subject,
    format('its version was %s and is %s; %s indexes are in its order', changed.noted, changed.found, dependent.indexes),
    concat_ws(chr(10), dependent.mend, changed.refresh),
    'sql'
from changed
cross join lateral (
    select
        count(*) as indexes,
        case
            when count(*) > 100 then format('reindex database concurrently %I;', current_database())
            else string_agg(
                format('reindex index concurrently %I.%I;', space.nspname, relation.relname), chr(10)
                order by space.nspname, relation.relname)
        end as mend
    from pg_index as facts
    join pg_class as relation on relation.oid = facts.indexrelid
    join pg_namespace as space on space.oid = relation.relnamespace
    where relation.relkind = 'i'
        and space.nspname not in ('pg_catalog', 'pg_toast')
        and changed.oid = any (facts.indcollation::oid[])
) as dependent
-- a collation that nothing is sorted by can wait for whoever uses it
where dependent.indexes > 0
    or starts_with(changed.subject, 'database ')
$function$;

comment on function esdb_meta.doctor_collations() is
    'Findings of `esdb doctor` about collations whose version has changed under the indexes.';

revoke all on function esdb_meta.doctor_collations() from public;
grant execute on function esdb_meta.doctor_collations() to esdb_maintainer;
