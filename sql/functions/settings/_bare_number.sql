-- The last number in the text of an interval, if it has no unit: nothing but punctuation or "ago" follows it, and it is
-- no part of 1:30 or 1-2. PostgreSQL would take it for seconds. Null: there is none, or it is 0, which is 0 in any unit.
create or replace function esdb._bare_number(
    value text
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select n.number
from (
    select substring(
        value from '(?i)(?:^|[^[:alnum:]:.+-])[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[^[:alnum:]]*(?:ago[^[:alnum:]]*)?$') as number
) as n
where n.number ~ '[1-9]'
$function$;

comment on function esdb._bare_number(text) is 'The number without a unit at the end of an interval''s text, if there is one.';

revoke all on function esdb._bare_number(text) from public;
