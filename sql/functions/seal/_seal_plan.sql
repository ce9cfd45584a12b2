-- The leaves that are due to be sealed, the oldest first: over for longer than the setting seal_after, and not sealed
-- yet. Of all contexts, of one (by its code or its name), or one leaf of one. barrier: see esdb._barrier(); null, where
-- templates/close_partition.sql.j2 comes first. An overflow has no end and is never due. Locks nothing. Errors: SE005.
create or replace function esdb._seal_plan(
    only_context text default null,
    only_lower_bound timestamptz default null
)
returns table (
    bounded_context text,
    context_name text,
    partition text,
    leaf oid,
    lower_bound timestamptz,
    upper_bound timestamptz,
    barrier text
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _until constant timestamptz := clock_timestamp() - esdb._setting('seal_after')::interval;
begin
    if only_context is not null then
        only_context := esdb._context_code('bounded', only_context);
    end if;
    return query
    select
        p.bounded_context::text,
        p.context_name::text,
        p.partition,
        p.leaf,
        p.lower_bound,
        p.upper_bound,
        esdb._barrier(p.leaf)
    from esdb._unsealed_leaves as p
    where p.upper_bound <= _until
        and coalesce(p.bounded_context = only_context, true)
        and coalesce(p.lower_bound = only_lower_bound, true)
    order by p.lower_bound, p.context_name;
end
$function$;

comment on function esdb._seal_plan(text, timestamptz) is
    'The leaves that are due to be sealed, the oldest first. Errors: SE005.';

revoke all on function esdb._seal_plan(text, timestamptz) from public;
