-- Refuses an append of append_to_streams() that is no object, has a key that append_events() has no parameter for, or
-- a value of another JSON type; ordinal (from 1) is its place in the call. Locks nothing. Errors: SE009.
create or replace function esdb._check_append_keys(
    append jsonb,
    ordinal bigint
)
returns void
language plpgsql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _known constant jsonb := '{
        "aggregate_id": "string", "events": "array", "expected_version": "number", "bounded_context": "string",
        "group_context": "string", "feature_context": "string", "action_type": "string", "aggregate_type": "string",
        "metadata": "object", "idempotency_key": "string"
    }';
    _pair record;
begin
    if jsonb_typeof(append) <> 'object' then
        perform esdb._invalid_argument(
            'appends', format('append %s: a JSON %s', ordinal, jsonb_typeof(append)),
            'Each append is an object with aggregate_id and events.');
    end if;
    for _pair in select p.key, p.value from jsonb_each(append) as p loop
        if not _known ? _pair.key then
            perform esdb._invalid_argument(
                'appends', format('append %s: unknown key %s', ordinal, _pair.key),
                format('Known keys: %s.', (select string_agg(k.key, ', ') from jsonb_object_keys(_known) as k (key))));
        elsif jsonb_typeof(_pair.value) not in ('null', _known ->> _pair.key) then
            perform esdb._invalid_argument(
                _pair.key, format('append %s: a JSON %s', ordinal, jsonb_typeof(_pair.value)),
                format('Pass a JSON %s, or leave it out.', _known ->> _pair.key));
        elsif _pair.key = 'expected_version' and (_pair.value #>> '{}') !~ '^-?[0-9]{1,18}$' then
            perform esdb._invalid_argument(
                'expected_version', format('append %s: no whole number', ordinal),
                'Pass null (any), 0 (no stream yet), -1 (any existing stream) or the exact version.');
        end if;
    end loop;
end
$function$;

comment on function esdb._check_append_keys(jsonb, bigint) is
    'Raises SE009 for an append whose keys or types append_events() has no parameter for.';

revoke all on function esdb._check_append_keys(jsonb, bigint) from public;
