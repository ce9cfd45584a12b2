-- Locks the partition that a token is of, until the transaction ends, and gives its checkpoint, if the lease holds: it has
-- not ended, and the partition was neither claimed by another worker nor reset since. A lease that was given back by an
-- ack is refused, too, also to that very ack: who repeats a transaction because the answer of its commit was lost would
-- have its effects twice. A token is the number of a sequence times 1,024 plus the partition. Errors: SE009, SE020, SE021.
create or replace function esdb._leased_checkpoint(
    subscription text,
    token bigint
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
    if _checkpoint.token = token and _checkpoint.lease_until > clock_timestamp() then
        return _checkpoint;
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
              hint = 'Roll back what the events have caused and claim again: they were handled, or are delivered anew.';
end
$function$;

comment on function esdb._leased_checkpoint(text, bigint) is
    'Locks the partition of a lease and gives its checkpoint. Errors: SE009, SE020, SE021.';

revoke all on function esdb._leased_checkpoint(text, bigint) from public;
