-- A position up to which nothing is lost, for a server that has just recovered: a mark was found there, and what is left
-- of the store is newer than the mark. That is the one that went into the log, the one in a table, and where subscriptions
-- are, which was committed after what they have handled. forced: the store may come from a dump, which has the mark in the
-- log as it stood later than its events. Locks nothing.
create or replace function esdb._settled_position(
    forced boolean
)
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select greatest(
    (select max(m.position) from esdb.dumped_mark as m),
    case when not _settled_position.forced then pg_sequence_last_value('esdb.durable_mark'::regclass) end,
    (select max(greatest(c.position, c.scanned_to)) from esdb.subscription_checkpoints as c)
)
$function$;

comment on function esdb._settled_position(boolean) is 'A position up to which nothing can have been lost: a mark of some time ago.';

revoke all on function esdb._settled_position(boolean) from public;
