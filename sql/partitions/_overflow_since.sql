-- When the first event of an overflow is from; null: there is none, or somebody has locked the overflow for half a second,
-- because who looks at a store at night must not queue there. Finds it by the index. Locks the overflow in ACCESS SHARE,
-- only meanwhile.
create or replace function esdb._overflow_since(
    overflow oid
)
returns timestamptz
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _since timestamptz;
begin
    perform set_config('lock_timeout', '500ms', true);
    execute format('select e.timestamp from only %s as e order by e.position limit 1', overflow::regclass) into _since;
    raise exception 'the lock goes, and the timeout' using errcode = 'SE000';
exception
    when sqlstate 'SE000' then
        return _since;
    when lock_not_available or undefined_table then
        return null;
end
$function$;

comment on function esdb._overflow_since(oid) is 'When the first event of an overflow is from; null: there is none to be seen.';

revoke all on function esdb._overflow_since(oid) from public;
