-- What adding a context takes: the variables of the template register_context, in one row. kind is bounded, group or
-- feature; action_type is a feature's alone, by default its name.
--
-- The codes that the domain shall admit are those that it admits now and the new one: a code is never taken away, also
-- where domain and table disagree (`esdb verify` says so before and after). Whoever carries it out holds
-- esdb._lock_maintenance() from before he asks until he commits: two at once would else lose one another's code.
-- Changes and locks nothing. Errors: SE009.
create or replace function esdb._context_plan(
    kind text,
    code text,
    name text,
    action_type text default null
)
returns table (
    new_kind text,
    new_code text,
    new_name text,
    new_action_type text,
    is_registered boolean,
    domain_name text,
    domain_constraint text,
    admitted_codes text[]
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    perform esdb._check_new_context(
        _context_plan.kind, _context_plan.code, _context_plan.name, _context_plan.action_type);
    return query
    select
        _context_plan.kind,
        _context_plan.code,
        _context_plan.name,
        case _context_plan.kind when 'feature' then coalesce(_context_plan.action_type, _context_plan.name) end,
        exists (select from esdb.contexts as c where c.kind = _context_plan.kind and c.code = _context_plan.code),
        d.name,
        d.name || '_known',
        a.codes || _context_plan.code
    from (select _context_plan.kind || '_context_code' as name) as d
    cross join lateral (
        select esdb._admitted_codes((
            select k.oid
            from pg_constraint as k
            where k.contypid = to_regtype('esdb.' || d.name) and k.conname = d.name || '_known'
        )) as codes
    ) as a;
end
$function$;

comment on function esdb._context_plan(text, text, text, text) is
    'The variables with which the template register_context adds a context. Errors: SE009.';

revoke all on function esdb._context_plan(text, text, text, text) from public;
