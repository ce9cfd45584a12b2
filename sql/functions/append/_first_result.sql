-- The result of an earlier append that this one repeats; no row when its events are new. stream is its stream's row,
-- locked by _lock_stream(): of two calls with the same ids or key the second waits and then sees what the first did.
-- events is an array as append_events() takes it.
--
-- Looks back no further than the setting idempotency_retention, and `esdb partitions archive` takes nothing younger. If
-- the setting was raised since, the stream's events may be archived that a repetition would be known by: never is such a
-- one taken for new. Locks nothing more. Errors: SE006, SE013.
--
-- Partitions are chosen by their bounds. That the leaves' other constraints cannot prove anything more need not be tried,
-- which would be two fifths of planning the query: constraint_exclusion is off.
create or replace function esdb._first_result(
    stream esdb.streams,
    idempotency_key text,
    events jsonb
)
returns setof esdb.append_result
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set constraint_exclusion = off
as $function$
#variable_conflict use_column
declare
    _count constant integer := jsonb_array_length(events);
    _since timestamptz;
    _ids text[];
    _key esdb.idempotency_keys;
    _stored esdb.events[];
begin
    if stream.version is null then
        return;
    end if;

    _since := clock_timestamp() - esdb._setting('idempotency_retention')::interval;
    if idempotency_key is not null then
        select k.*
        into _key
        from esdb.idempotency_keys as k
        where k.aggregate_id = stream.aggregate_id
          and k.key = _first_result.idempotency_key
          and k.created_at >= _since;
    end if;
    if _key.key is not null then
        _stored := array(
            select r
            from esdb.read_stream(
                stream.aggregate_id,
                from_version => _key.first_version,
                to_version => _key.first_version + _key.event_count - 1,
                max_count => _key.event_count,
                include_deleted => true) as r
        );
    elsif stream.updated_at >= _since then
        _ids := array(
            select e.event ->> 'id'
            from jsonb_array_elements(events) as e (event)
            where e.event ->> 'id' is not null
        );
    end if;
    if cardinality(_ids) > 0 then
        if _since < esdb._archived_until() then
            perform esdb._check_archived(
                stream.bounded_context, greatest(_since, stream.created_at), stream.updated_at,
                'lower the setting idempotency_retention: so far back the ids of this append are looked for');
        end if;
        execute
            'select array_agg(e order by e.version) from esdb.events as e'
            ' where e.bounded_context = $1 and e.timestamp between $2 and $3 and e.aggregate_id = $4 and e.id = any ($5)'
            into _stored
            using stream.bounded_context, greatest(_since, stream.created_at), stream.updated_at, stream.aggregate_id, _ids;
    end if;
    if coalesce(cardinality(_stored), 0) = 0 then
        return;
    end if;

    if cardinality(_stored) <> _count or exists (
        select
        from rows from (jsonb_array_elements(events), unnest(_stored)) as pair (
            event, "position", id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
            event_type, schema_version, version, "timestamp", occurred_at, payload, metadata, recorded_by)
        where pair.event ->> 'event_type' <> pair.event_type
           or pair.event -> 'payload' <> pair.payload
           or (pair.event ->> 'id' <> pair.id)
           or (_key.key is null and pair.event ->> 'id' is null)
    ) then
        raise exception 'not a repetition: known % with other events', case when _key.key is null then 'ids' else 'idempotency key' end
            using errcode = 'SE006',
                  detail = format('stream %s, versions %s to %s', stream.aggregate_id,
                      _stored[1].version, _stored[cardinality(_stored)].version),
                  hint = 'A repetition has the same events in the same order; anything else needs ids or a key of its own.';
    end if;
    return query
    select s.id, s.version::bigint, s."position", s."timestamp"
    from unnest(_stored) as s
    order by s.version;
end
$function$;

comment on function esdb._first_result(esdb.streams, text, jsonb) is
    'The first result of an append that is repeated, found by idempotency_key or by event ids; no row for a new one. Errors: SE006, SE013.';

revoke all on function esdb._first_result(esdb.streams, text, jsonb) from public;
