-- What is wrong with an imported line in itself; null: nothing. The line need not be JSON. The inner block writes
-- nothing, so it costs no transaction id. Locks nothing.
create or replace function esdb._import_fault(
    line text,
    time_limit timestamptz,
    max_payload_bytes integer
)
returns text
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _keys constant jsonb := '{
        "position": "number", "id": "string", "bounded_context": "string", "group_context": "string",
        "feature_context": "string", "action_type": "string", "aggregate_type": "string", "aggregate_id": "string",
        "event_type": "string", "schema_version": "number", "version": "number", "timestamp": "string",
        "occurred_at": "string or null", "payload": "object", "metadata": "object or null", "recorded_by": "string"
    }';
    _event jsonb;
    _names text;
begin
    begin
        _event := line::jsonb;
    exception
        when data_exception or program_limit_exceeded then
            return 'no JSON: ' || sqlerrm;
    end;
    if jsonb_typeof(_event) <> 'object' then
        return format('a JSON %s, not an object', jsonb_typeof(_event));
    end if;
    select string_agg(k.key, ', ' order by k.key) into _names
    from jsonb_object_keys(_keys) as k (key)
    where not _event ? k.key;
    if _names is not null then
        return 'missing: ' || _names;
    end if;
    select string_agg(left(k.key, 100), ', ' order by k.key) into _names
    from jsonb_object_keys(_event) as k (key)
    where not _keys ? k.key;
    if _names is not null then
        return 'unknown key: ' || left(_names, 300);
    end if;
    select string_agg(format('%s is %s, not %s', k.key, jsonb_typeof(_event -> k.key), k.value), ', ' order by k.key)
    into _names
    from jsonb_each_text(_keys) as k (key, value)
    where not jsonb_typeof(_event -> k.key) = any (string_to_array(k.value, ' or '));
    if _names is not null then
        return 'wrong type: ' || _names;
    end if;

    select string_agg(format('%s %s', c.kind, left(c.code, 20)), ', ') into _names
    from (
        values
            ('bounded', _event ->> 'bounded_context',
                exists (select from esdb.bounded_contexts as b where b.code::text = _event ->> 'bounded_context')),
            ('group', _event ->> 'group_context',
                exists (select from esdb.group_contexts as g where g.code::text = _event ->> 'group_context')),
            ('feature', _event ->> 'feature_context',
                exists (select from esdb.feature_contexts as f where f.code::text = _event ->> 'feature_context'))
    ) as c (kind, code, is_known)
    where not c.is_known;
    if _names is not null then
        return 'unknown context: ' || _names;
    end if;
    select string_agg(format('%s has %s characters, not 1 to %s', b.key, length(_event ->> b.key), b.longest), ', ')
    into _names
    from (
        values ('id', 64), ('action_type', 10), ('aggregate_type', 255), ('aggregate_id', 255), ('event_type', 255),
            ('recorded_by', 255)
    ) as b (key, longest)
    where length(_event ->> b.key) not between 1 and b.longest;
    if _names is not null then
        return _names;
    end if;
    select string_agg(format('%s is no whole number from 1 to %s', b.key, b.largest), ', ') into _names
    from (
        values ('position', 9223372036854775807), ('version', 9223372036854775807), ('schema_version', 32767)
    ) as b (key, largest)
    where case when (_event ->> b.key) ~ '^[0-9]{1,19}$' then (_event ->> b.key)::numeric not between 1 and b.largest else true end;
    if _names is not null then
        return _names;
    end if;
    if not esdb._is_timestamp(_event ->> 'timestamp') then
        return 'timestamp is no time as ISO 8601';
    elsif (_event ->> 'timestamp')::timestamptz not between '1970-01-01 00:00:00+00' and time_limit then
        return format('timestamp %s is not of the past since 1970', _event ->> 'timestamp');
    elsif _event ->> 'occurred_at' is not null and not esdb._is_timestamp(_event ->> 'occurred_at') then
        return 'occurred_at is no time of the years 1 to 9999 as ISO 8601';
    end if;
    begin
        perform esdb._check_size(key, _event -> key)
        from unnest(array['payload', 'metadata']) as key;
    exception
        when sqlstate 'SE010' then
            return format('%s; the setting max_payload_bytes is %s', sqlerrm, max_payload_bytes);
    end;
    -- what stages the line has the last word
    begin
        if not esdb._import_is_sound(_event, jsonb_populate_record(null::esdb.events, _event), time_limit, max_payload_bytes) then
            return 'not an event';
        end if;
    exception
        when data_exception or program_limit_exceeded or integrity_constraint_violation then
            return sqlerrm;
    end;
    return null;
end
$function$;

comment on function esdb._import_fault(text, timestamptz, integer) is
    'What is wrong with an imported line in itself; null: nothing.';

revoke all on function esdb._import_fault(text, timestamptz, integer) from public;
