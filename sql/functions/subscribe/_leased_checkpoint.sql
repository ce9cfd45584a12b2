-- Locks the partition that a token is of, until the transaction ends, and gives its checkpoint, if the lease holds: it has
-- not ended, and the partition was neither claimed by another worker nor reset since. With was_done_to, a lease that was
-- given back by an ack up to there is no fault, because the answer of that ack may have been lost; then token is null.
-- A token is the number of a sequence times 1,024 plus the partition. Errors: SE009, SE020, SE021.
create or replace function esdb._leased_checkpoint(
    subscription text,
    token bigint,
    was_done_to bigint default null
)
returns esdb.subscription_checkpoints
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _partition constant integer := (token % 1024)::integer;
    _checkpoint esdb.subscription_checkpoints;
begin
    _checkpoint := esdb._lock_checkpoint(subscription, _partition);
    if _checkpoint.token = token then
        if _checkpoint.lease_until > clock_timestamp() then
            return _checkpoint;
        end if;
        if _checkpoint.lease_until is null and not _checkpoint.is_replay and was_done_to <= _checkpoint.position then
            _checkpoint.token := null;
            return _checkpoint;
        end if;
    end if;
    perform esdb._subscription(subscription);
    if (token > 0) is not true then
        perform esdb._invalid_argument('token', coalesce(token::text, 'null'), 'Pass the token that esdb.claim_events() gave.');
    end if;
    raise exception 'stale token: the lease has ended'
        using errcode = 'SE021',
              detail = json_build_object(
                  'subscription', subscription, 'partition', _partition, 'token', token,
                  'lease_until', case when _checkpoint.token = token then _checkpoint.lease_until end)::text,
              hint = 'Roll back what the events have caused and claim again: they are, or will be, delivered anew.';
end
$function$;

comment on function esdb._leased_checkpoint(text, bigint, bigint) is
    'Locks the partition of a lease and gives its checkpoint. Errors: SE009, SE020, SE021.';

revoke all on function esdb._leased_checkpoint(text, bigint, bigint) from public;
