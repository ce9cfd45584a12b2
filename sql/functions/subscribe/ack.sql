-- Says that the events of a lease up to a position are handled: worker → ack → subscription_checkpoints. Up to the last
-- one it gives the partition back, else the lease begins anew, also where position is the one of the ack before: so a
-- worker that takes long keeps it. In the transaction of the events' effects it makes them happen exactly once.
--
-- Locks, until the transaction ends: the partition. Errors: SE009, SE020, SE021; 40001 under REPEATABLE READ and
-- SERIALIZABLE.
create or replace function esdb.ack(
    subscription text,
    token bigint,
    "position" bigint
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _checkpoint esdb.subscription_checkpoints := esdb._leased_checkpoint(ack.subscription, ack.token);
    _is_done boolean;
begin
    if (ack.position >= 0 and ack.position <= _checkpoint.delivered_to) is not true
        or (not _checkpoint.is_replay and ack.position < _checkpoint.position)
    then
        perform esdb._invalid_argument(
            'position', format('%s; the lease has events up to %s', coalesce(ack.position::text, 'null'), _checkpoint.delivered_to),
            'Pass the position of the last event that was handled.');
    end if;

    _is_done := ack.position >= _checkpoint.delivered_to;
    if _checkpoint.is_replay then
        delete from esdb.subscription_parkings as p
        where p.subscription = ack.subscription and p.token = ack.token and p.position <= ack.position;
    else
        if ack.position > _checkpoint.position then
            _checkpoint.attempts := 0;
            _checkpoint.last_error := null;
        end if;
        _checkpoint.position := case when _is_done then _checkpoint.scanned_to else ack.position end;
    end if;
    _checkpoint.is_replay := _checkpoint.is_replay and not _is_done;
    _checkpoint.lease_until := case when not _is_done then clock_timestamp() + _checkpoint.lease end;
    perform esdb._replace_checkpoint(_checkpoint);
end
$function$;

comment on function esdb.ack(text, bigint, bigint) is
    'Says that the events of a lease are handled up to a position. Up to the last one it ends the lease, before that it begins it anew. Call it in the transaction that the events'' effects are in: then each has its effect exactly once. Errors: SE009, SE020, SE021 (roll back).';

revoke all on function esdb.ack(text, bigint, bigint) from public;
grant execute on function esdb.ack(text, bigint, bigint) to esdb_consumer;
