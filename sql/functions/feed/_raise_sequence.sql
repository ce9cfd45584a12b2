-- Raises a sequence that serves as a number known to all, to a value; never lowers it.
--
-- Two sessions must not overtake each other between the look and the setting, and a lock must not outlive this call
-- (the caller's transaction may linger). So the lock is taken in an inner block that always ends in an error of our
-- own: that releases it, while the sequence keeps its value.
create or replace function esdb._raise_sequence(
    sequence regclass,
    value bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform pg_advisory_xact_lock((29283::bigint << 48) | sequence::oid::bigint);
    if coalesce(pg_sequence_last_value(sequence), 0) < value then
        perform setval(sequence, value);
    end if;
    raise exception 'release the lock' using errcode = 'SE000';
exception
    when sqlstate 'SE000' then
        null;
end
$function$;

comment on function esdb._raise_sequence(regclass, bigint) is 'Raises a sequence to a value; never lowers it.';

revoke all on function esdb._raise_sequence(regclass, bigint) from public;
