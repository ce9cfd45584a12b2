-- The lowest position in a leaf, null for none. The lock on the leaf and on its indexes is let go at once, so that the
-- number of leaves looked at does not count: it is taken in an inner block that always ends in an error of our own.
create or replace function esdb._lowest_position(
    partition text
)
returns bigint
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _lowest bigint;
begin
    execute format('select min(e.position) from only esdb.%I as e', partition) into _lowest;
    raise exception 'release the lock' using errcode = 'SE000';
exception
    when sqlstate 'SE000' then
        return _lowest;
end
$function$;

comment on function esdb._lowest_position(text) is 'The lowest position in a leaf; holds no lock on it afterwards.';

revoke all on function esdb._lowest_position(text) from public;
