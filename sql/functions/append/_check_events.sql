-- Refuses what is wrong with the events of a call, and tells whether any of them has an id. The events that pass the
-- cheap tests, all as a rule, are not looked at again. Locks nothing. Errors: SE005, SE009, SE010.
create or replace function esdb._check_events(
    events jsonb
)
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _count integer;
    -- the least that max_payload_bytes can be
    _most_bytes integer := 2000;
begin
    if jsonb_typeof(events) is distinct from 'array' then
        perform esdb._invalid_argument(
            'events', coalesce('a JSON ' || jsonb_typeof(events), 'null'), 'Pass a JSON array of events.');
    end if;
    _count := jsonb_array_length(events);
    if _count not between 1 and 10000 then
        perform esdb._invalid_argument('events', format('%s events', _count), 'Pass 1 to 10,000 events a call.');
    end if;
    -- with large events, the limit is worth looking up
    if pg_column_size(events) > 1000 * _count then
        _most_bytes := esdb._setting('max_payload_bytes')::integer;
    end if;
    perform esdb._check_event(e.event, e.ordinal)
    from jsonb_array_elements(events) with ordinality as e (event, ordinal)
    where esdb._is_plain_event(e.event, _most_bytes) is not true;
    return jsonb_path_exists(events, '$[*].id');
end
$function$;

comment on function esdb._check_events(jsonb) is
    'Raises for the first thing wrong with the events of a call; else whether any has an id. Errors: SE005, SE009, SE010.';

revoke all on function esdb._check_events(jsonb) from public;
