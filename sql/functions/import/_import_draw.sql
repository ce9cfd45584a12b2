-- Draws the positions of the staged events, in the order of the lines, after the announcement that an append makes, too.
-- Batches draw one after the other, so a later line of the file has a higher position, whichever batch is written first.
-- Locks: the announcement, until the transaction ends.
create or replace function esdb._import_draw()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform esdb._wake_listeners();
    perform esdb._announce(false);
    insert into pg_temp.esdb_import_positions (number, position)
    select o.number, nextval('esdb.event_position'::regclass)
    from (
        select e.number
        from pg_temp.esdb_import_events as e
        order by e.number
        offset 0
    ) as o;
end
$function$;

comment on function esdb._import_draw() is 'Draws the positions of the staged events of an import.';

revoke all on function esdb._import_draw() from public;
