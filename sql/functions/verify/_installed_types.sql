-- Composite types, enums, domains and the domains' checks of esdb and esdb_meta, part of
-- esdb_meta.installed_objects(): see there. The codes that the domains of contexts admit are data of the installation:
-- they are compared with their tables, not with what the last migration left.
create or replace function esdb_meta._installed_types()
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
    case facts.typtype when 'd' then 'domain' else 'type' end,
    format('%I.%I', namespace.nspname, facts.typname),
    jsonb_build_object(
        'kind', facts.typtype,
        'base', case facts.typtype when 'd' then format_type(facts.typbasetype, facts.typtypmod) end,
        'not null', facts.typnotnull,
        'owner', facts.typowner = namespace.nspowner,
        'attributes', (
            select jsonb_agg(
                jsonb_build_array(attribute.attname, format_type(attribute.atttypid, attribute.atttypmod))
                order by attribute.attnum
            )
            from pg_attribute as attribute
            where attribute.attrelid = facts.typrelid and attribute.attnum > 0 and not attribute.attisdropped
        ),
        'labels', (
            select jsonb_agg(label.enumlabel order by label.enumsortorder)
            from pg_enum as label
            where label.enumtypid = facts.oid
        ),
        'expressions', facts.typdefault
    ),
    esdb_meta._privileges('T', facts.typacl, facts.typowner)
from pg_type as facts
join pg_namespace as namespace on namespace.oid = facts.typnamespace
left join pg_class as row_type on row_type.oid = facts.typrelid
where namespace.nspname in ('esdb', 'esdb_meta')
    and (facts.typtype in ('d', 'e') or row_type.relkind = 'c')
union all
select
    'constraint',
    format('%I.%I.%I', namespace.nspname, domain.typname, facts.conname),
    case
        when registered.codes is null then
            jsonb_build_object(
                'type', facts.contype,
                'validated', facts.convalidated,
                'expressions', pg_get_expr(facts.conbin, 0)
            )
        when admitted.codes = registered.codes then '{"codes": "as registered"}'
        else jsonb_build_object('codes', admitted.codes)
    end,
    '{}'::text[]
from pg_constraint as facts
join pg_type as domain on domain.oid = facts.contypid
join pg_namespace as namespace on namespace.oid = domain.typnamespace
cross join lateral (select esdb._admitted_codes(facts.oid) as codes) as admitted
left join (
    select 'bounded_context_code' as domain, array_agg(code::text order by code::text) as codes
    from esdb.bounded_contexts
    union all
    select 'group_context_code', array_agg(code::text order by code::text)
    from esdb.group_contexts
    union all
    select 'feature_context_code', array_agg(code::text order by code::text)
    from esdb.feature_contexts
) as registered on registered.domain = domain.typname and namespace.nspname = 'esdb'
where namespace.nspname in ('esdb', 'esdb_meta')
    and facts.contype = 'c'
$function$;

comment on function esdb_meta._installed_types() is 'Types and domains, for esdb_meta.installed_objects().';

revoke all on function esdb_meta._installed_types() from public;
