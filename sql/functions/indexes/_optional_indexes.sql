-- The optional indexes, what each serves and what the installation has chosen. Locks nothing.
create or replace function esdb._optional_indexes()
returns table (
    name text,
    serves text,
    wanted boolean,
    ready boolean
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select known.name, known.serves, coalesce(chosen.wanted, false), coalesce(chosen.ready, false)
from (
    values
        ('correlation', 'read_correlated(), read_caused_by()'),
        ('streams', 'list_streams() by aggregate_type or bounded_context')
) as known (name, serves)
left join esdb.optional_indexes as chosen on chosen.name = known.name
$function$;

comment on function esdb._optional_indexes() is 'The optional indexes: what each serves, whether it is wanted and ready.';

revoke all on function esdb._optional_indexes() from public;
