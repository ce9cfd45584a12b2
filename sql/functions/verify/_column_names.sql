-- The names of a relation's columns, in the order in which their numbers are given. Locks nothing.
create or replace function esdb_meta._column_names(
    relation oid,
    numbers smallint[]
)
returns text[]
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select array_agg(attribute.attname::text order by given.place)
from unnest(_column_names.numbers) with ordinality as given (number, place)
join pg_attribute as attribute
    on attribute.attrelid = _column_names.relation and attribute.attnum = given.number
$function$;

comment on function esdb_meta._column_names(oid, smallint[]) is 'The names of columns given by number; null for none.';

revoke all on function esdb_meta._column_names(oid, smallint[]) from public;
