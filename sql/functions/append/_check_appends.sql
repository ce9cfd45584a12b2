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
    perform esdb._check_append_keys(a.append, a.ordinal)
    from jsonb_array_elements(appends) with ordinality as a (append, ordinal)
    order by a.ordinal;

    select sum(jsonb_array_length(a.events))
    into _count
    from esdb._appends(appends) as a;
    if _count > 10000 then
        perform esdb._invalid_argument('appends', format('%s events', _count), 'Pass 1 to 10,000 events a call.');
    end if;
    select a.aggregate_id, array_agg(a.ordinal order by a.ordinal) as ordinals
    into _append
    from esdb._appends(appends) as a
    group by a.aggregate_id
    having count(*) > 1 and a.aggregate_id is not null
    limit 1;
    if found then
        perform esdb._invalid_argument(
            'appends', format('stream %s stands in the appends %s', _append.aggregate_id, array_to_string(_append.ordinals, ', ')),
            'Pass all events of a stream in one append.');
    end if;

    for _append in select a.* from esdb._appends(appends) as a order by a.ordinal loop
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
