-- Draws positions for so many events of an import, in the order of their lines, after the announcement that an append makes, too.
-- Batches draw one after the other, so a later line of the file has a higher position, whichever batch is written first.
-- Locks: the announcement, until the transaction ends.
create or replace function esdb._import_draw(
    event_count bigint
)
returns bigint[]
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform esdb._wake_listeners();
    perform esdb._announce(false);
    return array(select nextval('esdb.event_position'::regclass) from generate_series(1, event_count));
end
$function$;

comment on function esdb._import_draw(bigint) is 'Draws positions for so many events of an import.';

revoke all on function esdb._import_draw(bigint) from public;
