-- The position that this transaction has announced already, else the one given, which is then remembered.
--
-- An announcement is a shared advisory lock. A transaction of many appends would hold as many locks, and the lock
-- table is finite; so from its second append on it takes the same one again, which is counted in this session alone.
-- What is remembered cannot do harm: it ends with the transaction or the savepoint, as the lock does, and is only a
-- proposal. Its lock is taken again whatever the memory says, and a lower position than necessary is always a true
-- announcement; so one who sets the variable by hand holds up the feed at most, as one who takes the lock by hand does.
create or replace function esdb._announced_before(
    last_position bigint
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _remembered text := nullif(current_setting('esdb.announced', true), '');
begin
    if _remembered ~ '^[0-9]{1,15}$' then
        return least(_remembered::bigint, last_position);
    end if;
    perform set_config('esdb.announced', last_position::text, true);
    return last_position;
end
$function$;

comment on function esdb._announced_before(bigint) is
    'The position announced earlier in this transaction, else last_position, which it remembers.';

revoke all on function esdb._announced_before(bigint) from public;
