-- The condition of one filter of read_all(): empty for null; for a single value an equality, because an array is no
-- range of an index whose order the feed could use. An array may start at any subscript and have several dimensions.
-- column and parameter are ours, never a caller's.
create or replace function esdb._any_of(
    column_name text,
    parameter text,
    wanted text[]
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select case
    when wanted is null then ''
    when array_ndims(wanted) = 1 and cardinality(wanted) = 1 then
        format(' and e.%I = (%s)[%s]', column_name, parameter, array_lower(wanted, 1))
    else format(' and e.%I = any (%s)', column_name, parameter)
end
$function$;

comment on function esdb._any_of(text, text, text[]) is 'The SQL condition of one filter of read_all().';

revoke all on function esdb._any_of(text, text, text[]) from public;
