-- Schemas, functions and procedures of esdb and esdb_meta, part of esdb_meta.installed_objects(): see there.
create or replace function esdb_meta._installed_routines()
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
    'schema',
    quote_ident(namespace.nspname),
    '{}'::jsonb,
    esdb_meta._privileges('n', namespace.nspacl, namespace.nspowner)
from pg_namespace as namespace
where namespace.nspname in ('esdb', 'esdb_meta')
union all
select
    'function',
    format('%I.%I(%s)', namespace.nspname, routine.proname, pg_get_function_identity_arguments(routine.oid)),
    jsonb_build_object(
        'kind', routine.prokind,
        'language', language.lanname,
        'source', encode(sha256(convert_to(routine.prosrc, 'UTF8')), 'hex'),
        'returns', pg_get_function_result(routine.oid),
        'argument names', routine.proargnames,
        'argument modes', routine.proargmodes,
        'volatility', routine.provolatile,
        'parallel', routine.proparallel,
        'security definer', routine.prosecdef,
        'strict', routine.proisstrict,
        'leakproof', routine.proleakproof,
        'settings', routine.proconfig,
        'cost', routine.procost,
        'rows', routine.prorows,
        'owner', routine.proowner = namespace.nspowner,
        'expressions', jsonb_build_array(
            pg_get_expr(routine.proargdefaults, 0),
            pg_get_function_sqlbody(routine.oid)
        )
    ),
    esdb_meta._privileges('f', routine.proacl, routine.proowner)
from pg_proc as routine
join pg_namespace as namespace on namespace.oid = routine.pronamespace
join pg_language as language on language.oid = routine.prolang
where namespace.nspname in ('esdb', 'esdb_meta')
$function$;

comment on function esdb_meta._installed_routines() is 'Schemas and functions, for esdb_meta.installed_objects().';

revoke all on function esdb_meta._installed_routines() from public;
