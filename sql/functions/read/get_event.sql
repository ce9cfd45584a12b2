-- One event by its id. With aggregate_id only the stream's months are read. Without, a ULID names the month to look in
-- first; only an id that is none, or whose event is not there, is looked for in every leaf that may hold events.
-- Locks: the leaves read, shared, until the transaction ends. Errors: SE009.
create or replace function esdb.get_event(
    id text,
    aggregate_id text default null
)
returns setof esdb.events
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
    _starts timestamptz[];
begin
    if get_event.id is null then
        perform esdb._invalid_argument('id', 'null', 'Pass the event''s id.');
    end if;
    if get_event.aggregate_id is not null then
        select s.* into _stream from esdb.streams as s where s.aggregate_id = get_event.aggregate_id;
        if not found then
            return;
        end if;
        _starts := esdb._stream_months(_stream, 1, _stream.version);
        return query execute
            'select e.* from esdb.events as e where e.bounded_context = $1'
            || esdb._in_months('$2', cardinality(_starts))
            || ' and e.id = $3 and e.aggregate_id = $4'
            using _stream.bounded_context, _starts, get_event.id, get_event.aggregate_id;
        return;
    end if;
    if esdb._is_ulid(get_event.id) then
        return query execute
            'select e.* from esdb.events as e where e.id = $1' || esdb._in_months('$2', 1)
            using get_event.id, array[esdb._utc_month(esdb.ulid_timestamp(get_event.id))];
        if found then
            return;
        end if;
    end if;
    return query execute 'select e.* from esdb.events as e where e.id = $1 and e.timestamp < $2'
        using get_event.id, esdb._newest_month_end();
end
$function$;

comment on function esdb.get_event(text, text) is
    'The event with an id, no row when there is none. With aggregate_id, or when the id is a ULID, only the leaves that can hold it are read. Errors: SE009.';

revoke all on function esdb.get_event(text, text) from public;
grant execute on function esdb.get_event(text, text) to esdb_reader, esdb_writer, esdb_maintainer;
