-- Indexes, constraints of tables and triggers of esdb and esdb_meta, part of esdb_meta.installed_objects(): see there.
-- NOT NULL is a fact of the column: only PostgreSQL 18 and later keep a constraint for it.
create or replace function esdb_meta._installed_details()
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
    'index',
    ours.name,
    jsonb_build_object(
        'table', on_table.name,
        'method', method.amname,
        'unique', facts.indisunique,
        'primary', facts.indisprimary,
        'nulls not distinct', facts.indnullsnotdistinct,
        'valid', facts.indisvalid and facts.indisready,
        'key columns', facts.indnkeyatts,
        'ordering', facts.indoption::text,
        'options', relation.reloptions,
        'columns', (
            select jsonb_agg(coalesce(attribute.attname::text, 'expression') order by keys.place)
            from unnest(facts.indkey::smallint[]) with ordinality as keys (attnum, place)
            left join pg_attribute as attribute on attribute.attrelid = facts.indrelid and attribute.attnum = keys.attnum
        ),
        'expressions', jsonb_build_array(
            pg_get_expr(facts.indexprs, facts.indrelid),
            pg_get_expr(facts.indpred, facts.indrelid)
        )
    ),
    '{}'::text[]
from esdb_meta._our_relations() as ours
join pg_class as relation on relation.oid = ours.oid
join pg_am as method on method.oid = relation.relam
join pg_index as facts on facts.indexrelid = ours.oid
join esdb_meta._our_relations() as on_table on on_table.oid = facts.indrelid
union all
select
    'constraint',
    format('%s.%I', on_table.name, facts.conname),
    jsonb_build_object(
        'type', facts.contype,
        'validated', facts.convalidated,
        -- a column since PostgreSQL 18
        'enforced', coalesce(to_jsonb(facts) ->> 'conenforced', 'true'),
        'deferrable', jsonb_build_array(facts.condeferrable, facts.condeferred),
        'columns', esdb_meta._column_names(facts.conrelid, facts.conkey),
        'references', referenced.name,
        'referenced columns', esdb_meta._column_names(facts.confrelid, facts.confkey),
        'actions', jsonb_build_array(facts.confupdtype, facts.confdeltype, facts.confmatchtype),
        'expressions', pg_get_expr(facts.conbin, facts.conrelid)
    ),
    '{}'::text[]
from pg_constraint as facts
join esdb_meta._our_relations() as on_table on on_table.oid = facts.conrelid
left join esdb_meta._our_relations() as referenced on referenced.oid = facts.confrelid
where facts.contype in ('c', 'f', 'p', 'u', 'x')
union all
select
    'trigger',
    format('%I on %s', facts.tgname, on_table.name),
    jsonb_build_object(
        'function', format('%I.%I', namespace.nspname, routine.proname),
        'events', facts.tgtype,
        'enabled', facts.tgenabled,
        'arguments', encode(facts.tgargs, 'hex'),
        'columns', esdb_meta._column_names(facts.tgrelid, facts.tgattr::smallint[]),
        'expressions', pg_get_expr(facts.tgqual, facts.tgrelid)
    ),
    '{}'::text[]
from pg_trigger as facts
join esdb_meta._our_relations() as on_table on on_table.oid = facts.tgrelid
join pg_proc as routine on routine.oid = facts.tgfoid
join pg_namespace as namespace on namespace.oid = routine.pronamespace
where not facts.tgisinternal
$function$;

comment on function esdb_meta._installed_details() is
    'Indexes, constraints and triggers, for esdb_meta.installed_objects().';

revoke all on function esdb_meta._installed_details() from public;
