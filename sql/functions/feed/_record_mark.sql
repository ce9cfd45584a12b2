-- Records a mark for all, so that what one call returned is known to every later one; never lowers it.
--
-- Two sessions must not overtake each other between the look and the setting, and a lock must not outlive this call (a
-- reader's transaction may linger). So the lock is taken in an inner block that always ends in an error of our own:
-- that releases it, while a sequence keeps its value. A read-only transaction cannot set a sequence and records nothing.
create or replace function esdb._record_mark(
    mark bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = ''
as $function$
begin
    if current_setting('transaction_read_only') = 'on' or esdb._known_mark() >= mark then
        return;
    end if;
    begin
        perform pg_advisory_xact_lock(29285::bigint << 48);
        if esdb._known_mark() < mark then
            perform setval('esdb.recorded_mark'::regclass, mark);
        end if;
        raise exception 'release the lock' using errcode = 'SE000';
    exception
        when sqlstate 'SE000' then
            null;
    end;
end
$function$;

comment on function esdb._record_mark(bigint) is 'Records a high-water mark that was found; never lowers it.';

revoke all on function esdb._record_mark(bigint) from public;
