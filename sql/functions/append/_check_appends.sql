-- Refuses what is wrong with the appends of a call of append_to_streams(); DETAIL names the place of the append.
-- A JSON null is as good as a key left out. Locks nothing. Errors: SE005, SE009, SE010.
create or replace function esdb._check_appends(
    appends jsonb
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _append record;
    _count bigint;
    _is_twice boolean;
    _state text;
    _message text;
    _facts text;
    _name text;
    _advice text;
begin
    if jsonb_typeof(appends) is distinct from 'array' then
        perform esdb._invalid_argument(
            'appends', coalesce('a JSON ' || jsonb_typeof(appends), 'null'), 'Pass a JSON array of appends.');
    end if;
    if jsonb_array_length(appends) not between 1 and 10000 then
        perform esdb._invalid_argument(
            'appends', format('%s appends', jsonb_array_length(appends)), 'Pass 1 to 10,000 appends a call.');
    end if;
    -- expressions of cheap tests; only what fails them is looked at closely
    perform esdb._check_append_keys(a.append, a.ordinal)
    from jsonb_array_elements(appends) with ordinality as a (append, ordinal)
    where (
        jsonb_typeof(a.append) = 'object'
        and a.append - array[
            'aggregate_id', 'events', 'expected_version', 'bounded_context', 'group_context', 'feature_context',
            'action_type', 'aggregate_type', 'metadata', 'idempotency_key'] = '{}'
        and jsonb_typeof(a.append -> 'aggregate_id') = 'string'
        and jsonb_typeof(a.append -> 'events') = 'array'
        and coalesce((a.append -> 'expected_version')::text ~ '^(-?[0-9]{1,18}|null)$', true)
        and coalesce(jsonb_typeof(a.append -> 'bounded_context') = 'string', true)
        and coalesce(jsonb_typeof(a.append -> 'group_context') = 'string', true)
        and coalesce(jsonb_typeof(a.append -> 'feature_context') = 'string', true)
        and coalesce(jsonb_typeof(a.append -> 'action_type') = 'string', true)
        and coalesce(jsonb_typeof(a.append -> 'aggregate_type') = 'string', true)
        and coalesce(jsonb_typeof(a.append -> 'metadata') = 'object', true)
        and coalesce(jsonb_typeof(a.append -> 'idempotency_key') = 'string', true)
    ) is not true
    order by a.ordinal;

    select sum(jsonb_array_length(a.events)), count(distinct a.aggregate_id) < count(a.aggregate_id)
    into _count, _is_twice
    from esdb._appends(appends) as a;
    if _count > 10000 then
        perform esdb._invalid_argument('appends', format('%s events', _count), 'Pass 1 to 10,000 events a call.');
    end if;
    if _is_twice then
        select a.aggregate_id, array_agg(a.ordinal order by a.ordinal) as ordinals
        into _append
        from esdb._appends(appends) as a
        group by a.aggregate_id
        having count(*) > 1 and a.aggregate_id is not null
        limit 1;
        perform esdb._invalid_argument(
            'appends', format('stream %s stands in the appends %s', _append.aggregate_id, array_to_string(_append.ordinals, ', ')),
            'Pass all events of a stream in one append.');
    end if;

    for _append in
        select a.*
        from esdb._appends(appends) as a
        where (
            length(a.aggregate_id) <@ int4range '[1,255]'
            and coalesce(a.expected_version >= -1, true)
            and coalesce(length(a.aggregate_type) <@ int4range '[1,255]', true)
            and coalesce(length(a.idempotency_key) <@ int4range '[1,255]', true)
            and coalesce(a.group_context in ('m', 'c', 's'), true)
            and a.feature_context is null
            and a.action_type is null
            and a.metadata is null
            and (
                coalesce(a.expected_version, 0) <> 0
                or (
                    a.aggregate_type is not null
                    and a.group_context is not null
                    and a.bounded_context in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e')
                )
                -- EXISTS could be planned as a hash of all streams
                or (select true from esdb.streams as s where s.aggregate_id = a.aggregate_id)
            )
            and jsonb_array_length(a.events) > 0
            and not exists (
                select
                from jsonb_array_elements(a.events) as e (event)
                where esdb._is_plain_event(e.event) is not true
            )
        ) is not true
        order by a.ordinal
    loop
        begin
            perform esdb._check_append(
                _append.aggregate_id, _append.expected_version, _append.metadata, _append.action_type,
                _append.aggregate_type, _append.idempotency_key);
            perform esdb._check_events(_append.events);
            perform esdb._new_stream_contexts(
                _append.aggregate_id, _append.aggregate_type, _append.bounded_context, _append.group_context)
            where coalesce(_append.expected_version, 0) = 0;
            perform esdb._known_group(_append.group_context) where _append.group_context is not null;
            perform esdb._action_of_feature(_append.feature_context) where _append.feature_context is not null;
        exception
            -- the same error again, with the place it was met at; an invalid argument's name stays in front
            when sqlstate 'SE005' or sqlstate 'SE009' or sqlstate 'SE010' then
                get stacked diagnostics
                    _state = returned_sqlstate,
                    _message = message_text,
                    _facts = pg_exception_detail,
                    _advice = pg_exception_hint;
                _name := case _state when 'SE009' then left(_facts, strpos(_facts, ': ') + 1) else '' end;
                raise exception '%', _message
                    using errcode = _state,
                          detail = format('%sappend %s: %s', _name, _append.ordinal, substr(_facts, length(_name) + 1)),
                          hint = _advice;
        end;
    end loop;
end
$function$;

comment on function esdb._check_appends(jsonb) is
    'Raises for the first thing wrong with the appends of a call of append_to_streams(). Errors: SE005, SE009, SE010.';

revoke all on function esdb._check_appends(jsonb) from public;
