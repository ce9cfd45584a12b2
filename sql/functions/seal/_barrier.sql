-- The mark of a leaf's barrier, null where none stands that refuses every event: what was read of a leaf holds as long
-- as its barrier has the same mark, because nothing came in meanwhile. Reads the catalog, locks nothing.
create or replace function esdb._barrier(
    leaf oid
)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select format('%s/%s', facts.oid, facts.xmin)
from pg_trigger as facts
where facts.tgrelid = leaf
    and facts.tgname = 'events_are_sealed'
    and facts.tgfoid = 'esdb._refuse_sealed()'::regprocedure
    and facts.tgenabled = 'A'
    -- before, for each row, on insert
    and facts.tgtype = 1 + 2 + 4
    and facts.tgqual is null
$function$;

comment on function esdb._barrier(oid) is 'The mark of the barrier that stands on a leaf; null: none, or not a sound one.';

revoke all on function esdb._barrier(oid) from public;
