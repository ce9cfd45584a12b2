-- Up to which position nothing can have been lost, for a server that has just recovered: that of the last event, the mark
-- that went into the log, and where subscriptions are, which was committed after what they have handled. forced: the
-- store may come from a dump, whose mark may be newer than its events. Locks nothing beyond its own statement.
create or replace function esdb._kept_position(
    forced boolean
)
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select greatest(
    esdb._last_event_position(),
    case when not _kept_position.forced then pg_sequence_last_value('esdb.durable_mark'::regclass) end,
    (select max(greatest(c.position, c.scanned_to)) from esdb.subscription_checkpoints as c)
)
$function$;

comment on function esdb._kept_position(boolean) is 'Up to which position nothing can have been lost.';

revoke all on function esdb._kept_position(boolean) from public;
