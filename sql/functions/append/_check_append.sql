-- Refuses what is wrong with the arguments that a whole append has. Locks nothing. Errors: SE009, SE010.
create or replace function esdb._check_append(
    aggregate_id text,
    expected_version bigint,
    metadata jsonb,
    action_type text,
    aggregate_type text,
    idempotency_key text
)
returns void
language plpgsql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (length(aggregate_id) between 1 and 255) is not true then
        perform esdb._invalid_argument(
            'aggregate_id', coalesce(length(aggregate_id) || ' characters', 'null'), 'Pass 1 to 255 characters.');
    end if;
    if expected_version < -1 then
        perform esdb._invalid_argument(
            'expected_version', expected_version::text,
            'Pass null (any), 0 (no stream yet), -1 (any existing stream) or the exact version.');
    end if;
    if jsonb_typeof(metadata) <> 'object' then
        perform esdb._invalid_argument('metadata', format('a JSON %s', jsonb_typeof(metadata)), 'Pass a JSON object or null.');
    end if;
    if (pg_column_size(metadata) <= 2000 and octet_length(metadata::text) <= 2000) is false then
        perform esdb._check_size('metadata', metadata);
    end if;
    if length(action_type) not between 1 and 10 then
        perform esdb._invalid_argument(
            'action_type', format('%s characters', length(action_type)), 'Pass 1 to 10 characters or null.');
    end if;
    if length(aggregate_type) not between 1 and 255 then
        perform esdb._invalid_argument(
            'aggregate_type', format('%s characters', length(aggregate_type)), 'Pass 1 to 255 characters or null.');
    end if;
    if length(idempotency_key) not between 1 and 255 then
        perform esdb._invalid_argument(
            'idempotency_key', format('%s characters', length(idempotency_key)), 'Pass 1 to 255 characters or null.');
    end if;
end
$function$;

comment on function esdb._check_append(text, bigint, jsonb, text, text, text) is
    'Raises for the first argument of an append that is wrong. Errors: SE009, SE010.';

revoke all on function esdb._check_append(text, bigint, jsonb, text, text, text) from public;
