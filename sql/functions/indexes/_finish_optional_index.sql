-- Records that an optional index is ready when it is wanted and every table that it belongs on has it, valid; tells
-- whether it is. Locks: the maintenance lock, until the transaction ends, so that no partition is made in between.
create or replace function esdb._finish_optional_index(
    name text
)
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    perform esdb._lock_maintenance();
    update esdb.optional_indexes as o
    set ready = true
    where o.name = _finish_optional_index.name and o.wanted
        and not exists (
            select from esdb._optional_index_parts() as part where part.name = o.name and part.state <> 'valid'
        );
    return found;
end
$function$;

comment on function esdb._finish_optional_index(text) is
    'Records that an optional index is ready if it stands, valid, everywhere; tells whether it is.';

revoke all on function esdb._finish_optional_index(text) from public;
