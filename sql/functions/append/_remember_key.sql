-- Remembers which versions a call with an idempotency key wrote. A key past its retention is taken over. The stream's
-- row is locked by the caller, so no other call of the stream is at this.
create or replace function esdb._remember_key(
    aggregate_id text,
    key text,
    first_version bigint,
    event_count integer
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
begin
    insert into esdb.idempotency_keys (aggregate_id, key, first_version, event_count, created_at)
    values (aggregate_id, key, first_version, event_count, clock_timestamp())
    on conflict on constraint idempotency_keys_pkey do update
    set first_version = excluded.first_version,
        event_count = excluded.event_count,
        created_at = excluded.created_at;
end
$function$;

comment on function esdb._remember_key(text, text, bigint, integer) is
    'Remembers the versions that a call with an idempotency key wrote.';

revoke all on function esdb._remember_key(text, text, bigint, integer) from public;
