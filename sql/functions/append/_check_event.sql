-- Refuses what is wrong with one event of an append, in the form that append_events() takes; ordinal (from 1) is its
-- place in the call, null for a single one. A JSON null is as good as a key left out. Events with the usual keys alone do not
-- come here: see _check_events(). Locks nothing.
-- Errors: SE005, SE009, SE010.
create or replace function esdb._check_event(
    event jsonb,
    ordinal bigint default null
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _place constant text := coalesce('event ' || ordinal || ': ', '');
begin
    -- one expression of cheap tests; only what fails them is looked at closely
    if (
        jsonb_typeof(event) = 'object'
        and event - array[
            'event_type', 'payload', 'id', 'metadata', 'group_context', 'feature_context', 'action_type', 'schema_version',
            'occurred_at'] = '{}'
        and jsonb_typeof(event -> 'event_type') = 'string'
        and length(event ->> 'event_type') <@ int4range '[1,255]'
        and jsonb_typeof(event -> 'payload') = 'object'
        and coalesce(jsonb_typeof(event -> 'metadata') in ('object', 'null'), true)
        and coalesce(jsonb_typeof(event -> 'group_context') in ('string', 'null'), true)
        and coalesce(jsonb_typeof(event -> 'feature_context') in ('string', 'null'), true)
        and (
            event ->> 'id' is null
            or (jsonb_typeof(event -> 'id') = 'string' and length(event ->> 'id') <@ int4range '[1,64]'))
        and (
            event ->> 'action_type' is null
            or (jsonb_typeof(event -> 'action_type') = 'string' and length(event ->> 'action_type') <@ int4range '[1,10]'))
        and coalesce((event -> 'schema_version')::text ~ '^([1-9][0-9]{0,3}|null)$', true)
        and (
            event ->> 'occurred_at' is null
            or (jsonb_typeof(event -> 'occurred_at') = 'string' and esdb._is_timestamp(event ->> 'occurred_at')))
    ) is not true then
        perform esdb._refuse_event(event, _place);
    end if;
    -- the codes that every store has are known by heart
    if event ->> 'group_context' not in ('m', 'c', 's') then
        perform esdb._known_group(event ->> 'group_context');
    end if;
    if event ->> 'feature_context' not in ('c', 'u', 'd', 'r') then
        perform esdb._action_of_feature(event ->> 'feature_context');
    end if;
    if (pg_column_size(event) <= 2000 and octet_length(event::text) <= 2000) is not true then
        perform esdb._check_size('payload', event -> 'payload', _place);
        perform esdb._check_size('metadata', event -> 'metadata', _place);
    end if;
end
$function$;

comment on function esdb._check_event(jsonb, bigint) is
    'Raises for the first thing wrong with an event of an append. Errors: SE005, SE009, SE010.';

revoke all on function esdb._check_event(jsonb, bigint) from public;
