-- The codes that a domain's CHECK admits, as the catalog has them. Locks nothing.
create or replace function esdb._admitted_codes(
    domain_constraint oid
)
returns text[]
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(array_agg(distinct literal.parts[1] order by literal.parts[1]), '{}')
from regexp_matches(pg_get_constraintdef(domain_constraint), '''([^'']*)''', 'g') as literal (parts)
$function$;

comment on function esdb._admitted_codes(oid) is 'The codes, sorted, that a domain''s CHECK admits.';

revoke all on function esdb._admitted_codes(oid) from public;
