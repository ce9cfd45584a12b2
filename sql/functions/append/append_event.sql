-- Appends one event to a stream: application → append_event → streams, events.
--
-- Locks, until the transaction ends: the stream's row (writers of one stream queue here and nowhere else), and a
-- shared advisory lock that announces to the feed from where on this transaction may write. The order matters: the
-- row before the announcement, and that before nextval(), so that positions agree with versions inside a stream and
-- the high-water mark never passes an event that is not visible yet.
-- Errors: SE001 to SE007, SE009, SE010, SE012, SE013.
--
-- A stream whose head is detached, see _move_head(), is known by its row's version, which fits no update.
--
-- This is the hottest path of the store. PostgreSQL initialises every expression anew in every transaction, so each
-- one costs even where it is trivial; what is rare stands in functions of its own. append_events() does the same
-- through _advance_stream() and _announce(), whose calls would cost a single append a tenth.
create or replace function esdb.append_event(
    aggregate_id text,
    event_type text,
    payload jsonb,
    expected_version bigint default null,
    bounded_context text default null,
    group_context text default null,
    feature_context text default null,
    action_type text default null,
    aggregate_type text default null,
    metadata jsonb default null,
    id text default null,
    schema_version integer default 1,
    occurred_at timestamptz default null,
    idempotency_key text default null
)
returns esdb.append_result
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _had_xid boolean := pg_current_xact_id_if_assigned() is not null;
    _now timestamptz := clock_timestamp();
    _small boolean;
    _looks boolean;
    _refused boolean;
    _missing boolean;
    _settled boolean;
    _stream esdb.streams;
    _milliseconds bigint;
    _halves bigint;
    _random bytea;
    _type text;
    _context text;
    _group text;
    _month_version bigint;
    _action text;
    _id text := append_event.id;
    _version bigint;
    _timestamp timestamptz;
    _position bigint;
    _first esdb.append_result;
begin
    -- One expression of cheap tests; only what fails them is looked at closely. What is small is measured as text, too:
    -- one number can have 131,072 digits there. What most calls leave out is tested where it is given.
    _small := length(append_event.aggregate_id) <@ int4range '[1,255]'
        and length(append_event.event_type) <@ int4range '[1,255]'
        and append_event.payload @> '{}'
        and pg_column_size(append_event.payload) <= 2000
        and octet_length(append_event.payload::text) <= 2000
        and coalesce(
            append_event.metadata @> '{}'
            and pg_column_size(append_event.metadata) <= 2000
            and octet_length(append_event.metadata::text) <= 2000, true)
        and coalesce(append_event.expected_version >= -1, true)
        and coalesce(length(append_event.aggregate_type) <@ int4range '[1,255]', true);
    if _small is not true
        or _id is not null
        or append_event.action_type is not null
        or append_event.schema_version is distinct from 1
        or append_event.occurred_at is not null
        or append_event.idempotency_key is not null
    then
        if (
            _small
            and append_event.schema_version between 1 and 32767
            and coalesce(length(_id) <@ int4range '[1,64]', true)
            and coalesce(length(append_event.action_type) <@ int4range '[1,10]', true)
            and coalesce(append_event.occurred_at between '0001-01-01 00:00:00+00' and '9999-12-31 00:00:00+00', true)
            and append_event.idempotency_key is null
        ) is not true then
            perform esdb._check_append(
                append_event.aggregate_id, append_event.expected_version, append_event.metadata, append_event.action_type,
                append_event.aggregate_type, append_event.idempotency_key);
            perform esdb._check_event(esdb._event_json(
                append_event.event_type, append_event.payload, append_event.id, append_event.schema_version,
                append_event.occurred_at) -> 0);
        end if;
        -- a repetition is looked for before the stream moves, unless expected_version will prove the event new
        _looks := append_event.idempotency_key is not null
            or (_id is not null and coalesce(append_event.expected_version, -1) = -1);
    end if;

    -- made before the stream is locked: what need not wait does not make others wait
    if _id is null then
        _milliseconds := floor(date_part('epoch', _now) * 1000)::bigint;
        _random := uuid_send(gen_random_uuid());
        _halves := esdb._ulid_halves(_milliseconds);
        _id := esdb._ulid(_halves, _random);
    end if;

    -- 1. the stream's row: lock, check, advance
    loop
        if _looks then
            _stream := esdb._lock_stream(append_event.aggregate_id);
            select f.* into _first
            from esdb._first_result(
                _stream, append_event.idempotency_key,
                esdb._event_json(append_event.event_type, append_event.payload, append_event.id)) as f;
            if _first.version is not null then
                return _first;
            end if;
            -- of a stream that was not there to be locked, only making it proves that the event is new
            _missing := _stream.version is null;
        end if;
        if _refused then
            perform esdb._refuse_append(
                append_event.aggregate_id, append_event.expected_version, append_event.aggregate_type, append_event.bounded_context);
        end if;
        if append_event.expected_version is distinct from 0 and _missing is not true then
            update esdb.streams as s
            set version = s.version + 1,
                month_version = case when s.updated_at < date_trunc('month', _now, 'UTC') then s.version + 1 else s.month_version end,
                updated_at = greatest(_now, s.updated_at)
            where s.aggregate_id = append_event.aggregate_id
              and s.version = coalesce(nullif(append_event.expected_version, -1), s.version)
              and s.deleted_at is null
            returning
                s.version, s.updated_at, s.month_version, s.aggregate_type, s.bounded_context, s.group_context
            into
                _version, _timestamp, _month_version, _type, _context, _group;
            if found then
                -- again one expression of cheap tests
                if append_event.aggregate_type <> _type
                    or append_event.bounded_context <> _context
                    or append_event.group_context <> _group
                    or (_month_version = _version and _version > 1)
                then
                    if append_event.aggregate_type <> _type or append_event.bounded_context <> _context then
                        perform esdb._refuse_append(
                            append_event.aggregate_id, append_event.expected_version, append_event.aggregate_type,
                            append_event.bounded_context);
                    end if;
                    if _month_version = _version and _version > 1 then
                        perform esdb._enter_month(append_event.aggregate_id, _timestamp, _version);
                    end if;
                    if append_event.group_context <> _group then
                        _group := esdb._known_group(append_event.group_context);
                    end if;
                end if;
                exit;
            end if;
        end if;
        if coalesce(append_event.expected_version, 0) = 0 then
            -- the codes that every store has are known by heart
            _settled := append_event.aggregate_type is not null
                and append_event.bounded_context in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e')
                and append_event.group_context in ('m', 'c', 's');
            if _settled is not true then
                select n.aggregate_type, n.bounded_context, n.group_context
                into _type, _context, _group
                from esdb._new_stream_contexts(
                    append_event.aggregate_id, append_event.aggregate_type, append_event.bounded_context,
                    append_event.group_context) as n;
                _settled := _context is not null;
            end if;
            if _settled then
                insert into esdb.streams
                    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
                values (
                    append_event.aggregate_id, coalesce(_type, append_event.aggregate_type),
                    coalesce(_context, append_event.bounded_context), coalesce(_group, append_event.group_context),
                    1, 1, _now, _now)
                on conflict do nothing;
                if found then
                    _version := 1::bigint;
                    _timestamp := _now;
                    exit;
                end if;
            end if;
        end if;
        _stream := esdb._advance_detached_head(
            append_event.aggregate_id, 1, append_event.expected_version, append_event.aggregate_type,
            append_event.bounded_context, append_event.group_context);
        if _stream.version is not null then
            _version := _stream.version;
            _timestamp := _stream.updated_at;
            _type := _stream.aggregate_type;
            _context := _stream.bounded_context;
            _group := _stream.group_context;
            if _stream.month_version = _version then
                perform esdb._enter_month(append_event.aggregate_id, _timestamp, _version);
            end if;
            exit;
        end if;
        -- Refused. A repetition gets its first result; else this raises, unless the stream changed just now so that
        -- the call fits after all.
        _looks := append_event.id is not null or append_event.idempotency_key is not null;
        _refused := true;
    end loop;

    -- 2. announce, then draw the position: see _announce(). As a rule that is all, and one expression; null: there is
    -- something else to do first. One is to look around, if it is time, by _wake_listeners()' own test.
    _position := case
        when _had_xid
            or append_event.feature_context is not null
            or _timestamp >= esdb._newest_month_end()
            or abs(
                date_part('epoch', clock_timestamp()) * 1000000
                - coalesce(pg_sequence_last_value('esdb.wake_clock'::regclass), 0)) >= 20000
            then null
        when pg_advisory_xact_lock_shared(
            (29281::bigint << 48) | coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)) is not null
            then nextval('esdb.event_position'::regclass)
    end;
    if _position is null then
        if _timestamp >= esdb._newest_month_end() then
            perform esdb._raise_newest_month(_timestamp);
        end if;
        if append_event.feature_context is not null then
            _action := esdb._action_of_feature(append_event.feature_context);
        end if;
        if esdb._wake_listeners() and _version > 1 then
            perform esdb._move_head(append_event.aggregate_id);
        end if;
        perform esdb._announce(_had_xid);
        _position := nextval('esdb.event_position'::regclass);
    end if;

    -- 3. the event; only a caller's id can be another event's
    if append_event.id is null and append_event.idempotency_key is null then
        insert into esdb.events
            (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
             event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
        values
            (_position, _id, coalesce(_context, append_event.bounded_context), coalesce(_group, append_event.group_context),
             coalesce(append_event.feature_context, case _version when 1 then 'c' else 'u' end),
             coalesce(append_event.action_type, _action, case _version when 1 then 'create' else 'update' end),
             coalesce(_type, append_event.aggregate_type), append_event.aggregate_id, append_event.event_type,
             coalesce(append_event.schema_version, 1), _version, _timestamp, append_event.occurred_at,
             append_event.payload, append_event.metadata);
    else
        perform esdb._insert_event(
            _position, _id, coalesce(_context, append_event.bounded_context), coalesce(_group, append_event.group_context),
            append_event.feature_context, coalesce(append_event.action_type, _action),
            coalesce(_type, append_event.aggregate_type), append_event.aggregate_id, append_event.event_type,
            append_event.schema_version, _version, _timestamp, append_event.occurred_at, append_event.payload,
            append_event.metadata);
        perform esdb._remember_key(append_event.aggregate_id, append_event.idempotency_key, _version, 1)
        where append_event.idempotency_key is not null;
    end if;
    return (_id, _version, _position, _timestamp);
end
$function$;

comment on function esdb.append_event(
    text, text, jsonb, bigint, text, text, text, text, text, jsonb, text, integer, timestamptz, text
) is
    'Appends one event to a stream and returns its id, version, position and timestamp. expected_version: null any, 0 no stream yet, n exactly n, -1 any existing stream. Left out, aggregate_type, bounded_context and group_context come from the stream, else from esdb.aggregate_types. A repeated id or idempotency_key returns the first result. Errors: SE001 to SE007, SE009, SE010, SE012, SE013.';

revoke all on function esdb.append_event(
    text, text, jsonb, bigint, text, text, text, text, text, jsonb, text, integer, timestamptz, text
) from public;
grant execute on function esdb.append_event(
    text, text, jsonb, bigint, text, text, text, text, text, jsonb, text, integer, timestamptz, text
) to esdb_writer;
