-- What is left to do so that an optional index stands everywhere (wanted) or nowhere: drop_index and create_index, the
-- names of the templates that do it, in order. What a killed run left is dropped and built anew; an index of another
-- definition under the name gives way only to one that is wanted. Reads the catalog, locks nothing. Errors: SE009
-- for an unknown name.
create or replace function esdb._optional_index_plan(
    name text,
    wanted boolean
)
returns table (
    action text,
    table_name text,
    index_name text,
    keys text,
    predicate text
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    perform esdb._check_optional_index(_optional_index_plan.name);
    return query
        select step.action, part.table_name, part.index_name, part.keys, part.predicate
        from esdb._optional_index_parts() as part
        cross join lateral (
            select 1 as place, 'drop_index' as action
            where part.state = 'invalid'
                or part.state = case when _optional_index_plan.wanted then 'other' else 'valid' end
            union all
            select 2, 'create_index'
            where part.state <> 'valid' and _optional_index_plan.wanted
        ) as step
        where part.name = _optional_index_plan.name
        order by part.table_name, part.index_name, step.place;
end
$function$;

comment on function esdb._optional_index_plan(text, boolean) is
    'The DDL that is left to enable (wanted) or disable an optional index, as template names with their variables, in order.';

revoke all on function esdb._optional_index_plan(text, boolean) from public;
