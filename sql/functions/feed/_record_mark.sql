-- Records a mark for all, so that what one call returned is known to every later one; never lowers it. A read-only
-- transaction cannot set a sequence and records nothing.
create or replace function esdb._record_mark(
    mark bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if current_setting('transaction_read_only') = 'off' and esdb._known_mark() < mark then
        perform esdb._raise_sequence('esdb.established_mark'::regclass, mark);
    end if;
end
$function$;

comment on function esdb._record_mark(bigint) is 'Records a high-water mark that was found; never lowers it.';

revoke all on function esdb._record_mark(bigint) from public;
