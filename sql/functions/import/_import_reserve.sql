-- The first step of a plain batch, in its turn: sees whether it still is plain beside what is stored, and draws its
-- positions. Then its new streams and its events are written beside other batches, and, in turn again, the rows of those
-- that go on, by _import_continue(). When any of that fails, the batch and those behind it begin anew.
-- after_position: the highest position of the file so far. own_xid: the transaction, by which later batches know what
-- this one wrote; null: the batch is not plain, and nothing was drawn. positions: in the order of the lines.
--
-- Once positions are drawn, the batch has what others may wait for. So it waits for others for a moment only, shorter
-- than they take to look for a deadlock: the one that gives up is the batch, never an append.
-- Locks: the announcement, until the transaction ends. Sets lock_timeout for the rest of the transaction.
create or replace function esdb._import_reserve(
    after_position bigint,
    out own_xid xid,
    out last_position bigint,
    out positions bigint[]
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _first_position bigint;
    _events bigint;
begin
    select min(e.position), max(e.position), count(*) into _first_position, last_position, _events
    from pg_temp.esdb_import_steps as e;
    if _first_position > after_position and esdb._import_stand() then
        own_xid := pg_current_xact_id()::xid;
        positions := esdb._import_draw(_events);
        perform set_config(
            'lock_timeout',
            least(200, ceil(500 * date_part('epoch', current_setting('deadlock_timeout')::interval)))::integer::text,
            true);
    end if;
end
$function$;

comment on function esdb._import_reserve(bigint) is 'Draws the positions of a plain batch of an import, if it still is one.';

revoke all on function esdb._import_reserve(bigint) from public;
