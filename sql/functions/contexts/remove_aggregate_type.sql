-- Removes an aggregate type's registration; streams of the type stay as they are and go on. False: it had none. The
-- audit log has what it was.
-- Locks the type's row in esdb.aggregate_types until the transaction ends; no append waits for it. Errors: SE009.
create or replace function esdb.remove_aggregate_type(
    aggregate_type text
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _before jsonb;
begin
    if remove_aggregate_type.aggregate_type is null then
        perform esdb._invalid_argument('aggregate_type', 'null', 'Pass a registered aggregate type.');
    end if;
    delete from esdb.aggregate_types as t
    where t.aggregate_type = remove_aggregate_type.aggregate_type
    returning jsonb_build_object('bounded_context', t.bounded_context, 'group_context', t.group_context)
    into _before;
    if _before is not null then
        perform esdb._audit(
            'remove aggregate type', remove_aggregate_type.aggregate_type, jsonb_build_object('before', _before));
    end if;
    return _before is not null;
end
$function$;

comment on function esdb.remove_aggregate_type(text) is
    'Removes an aggregate type''s registration and tells whether there was one; its streams stay as they are. Errors: SE009.';

revoke all on function esdb.remove_aggregate_type(text) from public;
grant execute on function esdb.remove_aggregate_type(text) to esdb_maintainer;
