-- Says what is wrong with the keys of one event of an append; comes back without a word when nothing is. place: what
-- DETAIL says before the fault. _check_event() has cheaper tests, and asks here only for what fails them. Locks nothing.
-- Errors: SE009.
create or replace function esdb._refuse_event(
    event jsonb,
    place text
)
returns void
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _unknown text;
    _fault text;
    _hint text;
begin
    if jsonb_typeof(event) <> 'object' then
        perform esdb._invalid_argument(
            'events', place || format('a JSON %s', jsonb_typeof(event)), 'Each event is an object with event_type and payload.');
    end if;
    select string_agg(k.key, ', ')
    into _unknown
    from jsonb_object_keys(event) as k (key)
    where k.key not in (
        'event_type', 'payload', 'id', 'metadata', 'group_context', 'feature_context', 'action_type', 'schema_version',
        'occurred_at'
    );
    if _unknown is not null then
        perform esdb._invalid_argument(
            'events', place || format('unknown key %s', _unknown),
            'Known keys: event_type, payload, id, metadata, group_context, feature_context, action_type, schema_version, occurred_at.');
    end if;

    select f.fault, rule.hint
    into _fault, _hint
    from (
        values
            ('event_type', 'string', 1, 255, true, 'Pass 1 to 255 characters.'),
            ('payload', 'object', null, null, true, 'Pass a JSON object.'),
            ('id', 'string', 1, 64, false, 'Pass 1 to 64 characters, or leave it out.'),
            ('metadata', 'object', null, null, false, 'Pass a JSON object, or leave it out.'),
            ('group_context', 'string', null, null, false, 'Pass a registered code, or leave it out.'),
            ('feature_context', 'string', null, null, false, 'Pass a registered code, or leave it out.'),
            ('action_type', 'string', 1, 10, false, 'Pass 1 to 10 characters, or leave it out.'),
            ('schema_version', 'number', null, null, false, 'Pass a whole number from 1 to 32767, or leave it out.'),
            ('occurred_at', 'string', null, null, false, 'Pass a time as ISO 8601, or leave it out.')
    ) as rule (key, type, shortest, longest, required, hint)
    cross join lateral (select nullif(jsonb_typeof(event -> rule.key), 'null') as type) as given
    cross join lateral (
        select case
            when given.type is null and rule.required then format('%s is missing', rule.key)
            when given.type <> rule.type then format('%s is a JSON %s, not %s', rule.key, given.type, rule.type)
            when given.type = 'string' and length(event ->> rule.key) not between rule.shortest and rule.longest then
                format('%s has %s characters', rule.key, length(event ->> rule.key))
            when rule.key = 'schema_version' and (event ->> rule.key) !~ '^[1-9][0-9]{0,4}$' then
                'schema_version is no whole number from 1 to 32767'
            when rule.key = 'schema_version' and (event ->> rule.key)::integer > 32767 then
                'schema_version is over 32767'
            when rule.key = 'occurred_at' and given.type is not null and not esdb._is_timestamp(event ->> rule.key) then
                'occurred_at is no time of the years 1 to 9999'
        end as fault
    ) as f
    where f.fault is not null
    limit 1;
    if _fault is not null then
        perform esdb._invalid_argument(
            split_part(_fault, ' ', 1), place || substr(_fault, strpos(_fault, ' ') + 1),
            _hint);
    end if;
end
$function$;

comment on function esdb._refuse_event(jsonb, text) is
    'Raises for the first thing wrong with the keys of an event. Errors: SE009.';

revoke all on function esdb._refuse_event(jsonb, text) from public;
