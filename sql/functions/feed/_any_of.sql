-- The condition of one filter of read_all(): empty for null; for a single value an equality, because an array is no
-- range of an index whose order the feed could use. An array may start at any subscript and have several dimensions.
-- column and parameter are ours, never a caller's. One expression, so that it is inlined: five calls a poll cost a tenth of
-- a small page.
create or replace function esdb._any_of(
    column_name text,
    parameter text,
    wanted text[]
)
returns text
language sql
stable
parallel safe
return case
    when wanted is null then ''
    when pg_catalog.array_ndims(wanted) = 1 and pg_catalog.cardinality(wanted) = 1 then
        pg_catalog.format(' and e.%I = (%s)[%s]', column_name, parameter, pg_catalog.array_lower(wanted, 1))
    else pg_catalog.format(' and e.%I = any (%s)', column_name, parameter)
end;

comment on function esdb._any_of(text, text, text[]) is 'The SQL condition of one filter of read_all().';

revoke all on function esdb._any_of(text, text, text[]) from public;
