-- Says that an event of a lease could not be handled; those before it are: worker → nack → subscription_checkpoints. The
-- lease ends and the partition rests for retry_delay, doubled with each attempt; at the last attempt the event is parked.
--
-- Locks, until the transaction ends: the partition. Errors: SE009, SE020, SE021; 40001 under REPEATABLE READ and
-- SERIALIZABLE.
create or replace function esdb.nack(
    subscription text,
    token bigint,
    "position" bigint,
    reason text
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
    _checkpoint esdb.subscription_checkpoints := esdb._leased_checkpoint(nack.subscription, nack.token);
    _definition constant esdb.subscription_definitions := esdb._subscription(nack.subscription);
    -- it is listed, and carried along by each change of the checkpoint until the event is done with
    _reason constant text := left(nack.reason, 10000);
    _event esdb.events;
begin
    if nack.position is null then
        perform esdb._refuse_nack(null);
    end if;
    _checkpoint.lease_until := null;
    _checkpoint.last_error := _reason;
    if _checkpoint.is_replay then
        _checkpoint.is_replay := false;
        if not esdb._fail_replayed(_checkpoint, _definition, _reason, nack.position) then
            perform esdb._refuse_nack(nack.position);
        end if;
        delete from esdb.subscription_parkings as p
        where p.subscription = nack.subscription and p.token = nack.token and p.position < nack.position;
    else
        _event := esdb._event_of_lease(_definition, _checkpoint, nack.position);
        if esdb._event_of_lease(_definition, _checkpoint) is distinct from _event then
            _checkpoint.attempts := 1;
        end if;
        _checkpoint.position := nack.position - 1;
        _checkpoint.retry_at := clock_timestamp() + esdb._retry_pause(_checkpoint.attempts);
        if _checkpoint.attempts >= _definition.max_attempts then
            perform esdb._park(_checkpoint, array[_event], 'failed', _checkpoint.attempts, _reason);
            _checkpoint.position := nack.position;
            _checkpoint.attempts := 0;
            _checkpoint.retry_at := null;
        end if;
    end if;
    perform esdb._replace_checkpoint(_checkpoint);
end
$function$;

comment on function esdb.nack(text, bigint, bigint, text) is
    'Says that the event at a position could not be handled, and those of the lease before it were. It is delivered again after retry_delay (a setting), doubled with each attempt, and parked after max_attempts. Of the reason 10,000 characters are kept. Ends the lease. Errors: SE009, SE020, SE021.';

revoke all on function esdb.nack(text, bigint, bigint, text) from public;
grant execute on function esdb.nack(text, bigint, bigint, text) to esdb_consumer;
