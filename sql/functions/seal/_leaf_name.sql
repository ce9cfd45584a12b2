-- The qualified name of a table of the store that can be a leaf, for a statement that reads it with the owner's rights: a
-- caller's own view or table, which could run what it likes, is none. Locks nothing. Errors: SE009.
create or replace function esdb_meta._leaf_name(
    leaf oid
)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _name text;
begin
    select format('esdb.%I', c.relname)
    into _name
    from pg_class as c
    where c.oid = leaf
        and c.relnamespace = 'esdb'::regnamespace
        and c.relkind = 'r'
        and starts_with(c.relname::text, 'events_');
    if _name is null then
        perform esdb._invalid_argument(
            'leaf', format('%s is no partition of esdb.events', coalesce(leaf::text, 'null')), 'Pass the oid of a partition.');
    end if;
    return _name;
end
$function$;

comment on function esdb_meta._leaf_name(oid) is 'The qualified name of a leaf. Errors: SE009 (it is none).';

revoke all on function esdb_meta._leaf_name(oid) from public;
