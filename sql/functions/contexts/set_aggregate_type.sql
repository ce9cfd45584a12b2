-- Registers where new streams of an aggregate type belong, or changes it; streams that exist keep their contexts.
-- Contexts are given by code or by name. A change is in the audit log.
-- Locks the type's row in esdb.aggregate_types until the transaction ends; no append waits for it.
-- Errors: SE005, SE009.
create or replace function esdb.set_aggregate_type(
    aggregate_type text,
    bounded_context text,
    group_context text
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _code text;
    _group text;
    _before jsonb;
begin
    if (length(set_aggregate_type.aggregate_type) between 1 and 255) is not true then
        perform esdb._invalid_argument(
            'aggregate_type', coalesce(length(set_aggregate_type.aggregate_type) || ' characters', 'null'),
            'Pass 1 to 255 characters.');
    end if;
    _code := esdb._context_code('bounded', set_aggregate_type.bounded_context);
    _group := esdb._context_code('group', set_aggregate_type.group_context);
    select jsonb_build_object('bounded_context', t.bounded_context, 'group_context', t.group_context)
    into _before
    from esdb.aggregate_types as t
    where t.aggregate_type = set_aggregate_type.aggregate_type
    for no key update;

    insert into esdb.aggregate_types as t (aggregate_type, bounded_context, group_context)
    values (set_aggregate_type.aggregate_type, _code, _group)
    on conflict (aggregate_type) do update
    set bounded_context = excluded.bounded_context,
        group_context = excluded.group_context
    where (t.bounded_context, t.group_context) is distinct from (excluded.bounded_context, excluded.group_context);
    if found then
        perform esdb._audit('set aggregate type', set_aggregate_type.aggregate_type, jsonb_build_object(
            'before', _before,
            'after', jsonb_build_object('bounded_context', _code, 'group_context', _group)));
    end if;
end
$function$;

comment on function esdb.set_aggregate_type(text, text, text) is
    'Registers the contexts (code or name) that a new stream of an aggregate type gets when its first append names none; streams that exist keep theirs. Errors: SE005, SE009.';

revoke all on function esdb.set_aggregate_type(text, text, text) from public;
grant execute on function esdb.set_aggregate_type(text, text, text) to esdb_maintainer;
