-- Tables, views, materialized views and sequences of esdb and esdb_meta, part of esdb_meta.installed_objects(): see
-- there. Rights on single columns are listed with the table's. Options of autovacuum are left out: they are the
-- administrator's to tune.
create or replace function esdb_meta._installed_relations()
returns table (
    kind text,
    name text,
    definition jsonb,
    privileges text[]
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select
    case ours.kind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
    ours.name,
    jsonb_build_object(
        'kind', ours.kind,
        'persistence', relation.relpersistence,
        'options', (
            select jsonb_agg(option order by option)
            from unnest(relation.reloptions) as option
            where not starts_with(option, 'autovacuum_')
        ),
        'row security', jsonb_build_array(relation.relrowsecurity, relation.relforcerowsecurity),
        'rules', relation.relhasrules,
        'owner', relation.relowner = namespace.nspowner,
        'columns', columns.facts,
        'expressions', jsonb_build_array(
            columns.defaults,
            case when ours.kind in ('v', 'm') then pg_get_viewdef(ours.oid) end
        )
    ),
    esdb_meta._privileges('r', relation.relacl, relation.relowner) || columns.privileges
from esdb_meta._our_relations() as ours
join pg_class as relation on relation.oid = ours.oid
join pg_namespace as namespace on namespace.oid = relation.relnamespace
cross join lateral (
    select
        jsonb_agg(
            jsonb_build_array(
                attribute.attname,
                format_type(attribute.atttypid, attribute.atttypmod),
                attribute.attnotnull,
                attribute.attidentity,
                attribute.attgenerated,
                collation_of.collname
            )
            order by attribute.attnum
        ) as facts,
        jsonb_object_agg(attribute.attname, pg_get_expr(defaults.adbin, defaults.adrelid))
            filter (where defaults.oid is not null) as defaults,
        coalesce(array_agg(format('column %I %s', attribute.attname, column_privilege.text) order by attribute.attnum)
            filter (where column_privilege.text is not null), '{}') as privileges
    from pg_attribute as attribute
    left join pg_collation as collation_of on collation_of.oid = attribute.attcollation
    left join pg_attrdef as defaults on defaults.adrelid = attribute.attrelid and defaults.adnum = attribute.attnum
    left join lateral (
        select array_to_string(esdb_meta._privileges('c', attribute.attacl, relation.relowner), ', ') as text
        where attribute.attacl is not null
    ) as column_privilege on true
    where attribute.attrelid = ours.oid
        and attribute.attnum > 0
        and not attribute.attisdropped
) as columns
where ours.kind in ('r', 'p', 'v', 'm', 'f')
union all
select
    'sequence',
    ours.name,
    jsonb_build_object(
        'type', format_type(facts.seqtypid, null),
        'start', facts.seqstart,
        'increment', facts.seqincrement,
        'minimum', facts.seqmin,
        'maximum', facts.seqmax,
        'cache', facts.seqcache,
        'cycle', facts.seqcycle,
        'persistence', relation.relpersistence,
        'owner', relation.relowner = namespace.nspowner
    ),
    esdb_meta._privileges('s', relation.relacl, relation.relowner)
from esdb_meta._our_relations() as ours
join pg_class as relation on relation.oid = ours.oid
join pg_namespace as namespace on namespace.oid = relation.relnamespace
join pg_sequence as facts on facts.seqrelid = ours.oid
$function$;

comment on function esdb_meta._installed_relations() is 'Tables, views and sequences, for esdb_meta.installed_objects().';

revoke all on function esdb_meta._installed_relations() from public;
