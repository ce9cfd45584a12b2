-- Records that an optional index is wanted from now on, or no more: whoever makes partitions after this gives it to
-- them. A change is in the audit log. No more wanted, it is not ready either, so readers stop counting on it before it is dropped.
-- Locks: the maintenance lock, until the transaction ends, so that no run that makes partitions is in between: its
-- leaves are there to be seen once this has committed, or it sees the wish. Errors: SE009 for an unknown name.
create or replace function esdb._want_optional_index(
    name text,
    wanted boolean
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _was_wanted boolean;
begin
    perform esdb._check_optional_index(_want_optional_index.name);
    perform esdb._lock_maintenance();
    select o.wanted
    into _was_wanted
    from esdb.optional_indexes as o
    where o.name = _want_optional_index.name;
    insert into esdb.optional_indexes as o (name, wanted, ready)
    values (_want_optional_index.name, _want_optional_index.wanted, false)
    on conflict (name) do update
    set wanted = excluded.wanted,
        ready = o.ready and excluded.wanted;
    if coalesce(_was_wanted, false) <> _want_optional_index.wanted then
        perform esdb._audit(
            case when _want_optional_index.wanted then 'enable index' else 'disable index' end, _want_optional_index.name);
    end if;
end
$function$;

comment on function esdb._want_optional_index(text, boolean) is
    'Records that an optional index is wanted, or no more wanted and not ready; SE009 for an unknown name.';

revoke all on function esdb._want_optional_index(text, boolean) from public;
