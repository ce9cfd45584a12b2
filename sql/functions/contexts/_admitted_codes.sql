-- The codes that a domain's CHECK admits. Seen with the caller's snapshot, unlike what pg_get_constraintdef() gives: so
-- they agree with the tables of codes, also while a context is added. Locks nothing.
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
from pg_constraint as k
cross join lateral regexp_matches(pg_get_expr(k.conbin, 0), '''([^'']*)''', 'g') as literal (parts)
where k.oid = domain_constraint
$function$;

comment on function esdb._admitted_codes(oid) is 'The codes, sorted, that a domain''s CHECK admits.';

revoke all on function esdb._admitted_codes(oid) from public;
