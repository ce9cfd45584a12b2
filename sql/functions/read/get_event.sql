-- One event by its id. With aggregate_id only the stream's months are read, one after the other. Without, a ULID names the
-- month to look in; only an id that is none, or whose event is not there, is looked for in every leaf that may hold events.
-- A ULID's month is looked in first with aggregate_id too.
--
-- What is not found may be in an archive: that is refused, never answered with no row. Stable: all leaves are seen as of
-- one snapshot. Locks, shared, until the transaction ends: the leaves read; after a search of the whole store only that
-- of the event. Errors: SE009, SE013.
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
    _by_id constant text :=
        'select e.* from esdb.events as e where e.timestamp >= $1 and e.timestamp < $2 and e.id = $3';
    _of_stream constant text := _by_id || ' and e.bounded_context = $4 and e.aggregate_id = $5';
    _stream esdb.streams;
    _month timestamptz;
    _context text;
begin
    if get_event.id is null then
        perform esdb._invalid_argument('id', 'null', 'Pass the event''s id.');
    end if;
    if esdb._is_ulid(get_event.id) then
        _month := esdb._utc_month(esdb.ulid_timestamp(get_event.id));
    end if;

    if get_event.aggregate_id is null then
        if _month is not null then
            return query execute _by_id using _month, esdb._utc_month(_month, 1), get_event.id;
            if found then
                return;
            end if;
        end if;
        -- an id that its caller gave twice stands in several leaves: all are shown
        for _context, _month in
            select distinct f.context, esdb._utc_month(f.at)
            from esdb._in_each_context(
                'select e.bounded_context::text, e.timestamp from esdb.%I as e where e.id = $1 and e.timestamp < $3',
                get_event.id, to_time => esdb._newest_month_end()) as f (context text, at timestamptz)
        loop
            return query execute _by_id || ' and e.bounded_context = $4'
                using _month, esdb._utc_month(_month, 1), get_event.id, _context;
        end loop;
        if not found and esdb._archived_until() > to_timestamp(0) then
            perform esdb._check_archived(null, '-infinity', 'infinity');
        end if;
        return;
    end if;

    select s.* into _stream from esdb._streams as s where s.aggregate_id = get_event.aggregate_id;
    if not found then
        return;
    end if;
    if _month between esdb._utc_month(_stream.created_at) and _stream.updated_at then
        return query execute _of_stream
            using _month, esdb._utc_month(_month, 1), get_event.id, _stream.bounded_context, _stream.aggregate_id;
        if found then
            return;
        end if;
    end if;
    for _month in
        select m.month from esdb._months_of_page(_stream, 1, _stream.version, backward => true, skip_archived => true) as m
    loop
        return query execute _of_stream
            using _month, esdb._utc_month(_month, 1), get_event.id, _stream.bounded_context, _stream.aggregate_id;
        if found then
            return;
        end if;
    end loop;
    if _stream.created_at < esdb._archived_until() then
        perform esdb._check_archived(_stream.bounded_context, m.month, m.month)
        from esdb._months_of_page(_stream, 1, _stream.version) as m
        where m.is_archived;
    end if;
end
$function$;

comment on function esdb.get_event(text, text) is
    'The event with an id, no row when there is none. With aggregate_id, or when the id is a ULID, only the leaves that can hold it are read. SE013 when it is not found and may be in an archive: of the stream, or without aggregate_id of any. Errors: SE009, SE013.';

revoke all on function esdb.get_event(text, text) from public;
grant execute on function esdb.get_event(text, text) to esdb_reader, esdb_writer, esdb_maintainer;
