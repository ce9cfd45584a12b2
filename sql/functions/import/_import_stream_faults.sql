-- Names the lines that do not fit their streams, in esdb_import_faults: of the streams that _import_heads() found not
-- sound, event by event; what follows a refused line is judged by the last one taken. Locks nothing.
create or replace function esdb._import_stream_faults()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _event record;
    _stream text;
    _type text;
    _context text;
    _stored bigint;
    _version bigint;
    _time timestamptz;
    _fault text;
begin
    for _event in
        select
            e.number, e.aggregate_id, e.aggregate_type, e.bounded_context, e.version, e.timestamp,
            s.aggregate_type as type_stored, s.bounded_context as context_stored, coalesce(s.version, 0) as version_stored,
            s.updated_at
        from pg_temp.esdb_import_events as e
        join pg_temp.esdb_import_heads as h on h.aggregate_id = e.aggregate_id and not h.is_sound
        left join pg_temp.esdb_import_streams as s on s.aggregate_id = e.aggregate_id
        order by e.aggregate_id, e.number
    loop
        if _event.aggregate_id is distinct from _stream then
            _stream := _event.aggregate_id;
            _type := _event.type_stored;
            _context := _event.context_stored;
            _stored := _event.version_stored;
            _version := _stored;
            _time := _event.updated_at;
        end if;
        _fault := case
            when _event.aggregate_type <> _type or _event.bounded_context <> _context then
                format('stream %s is of type %s in context %s, not of %s in %s',
                    _stream, _type, _context, _event.aggregate_type, _event.bounded_context)
            -- compared with what is there by _import_known_faults()
            when _event.version <= _stored then null
            when _event.version <> _version + 1 then
                format('version %s of stream %s does not follow version %s', _event.version, _stream, _version)
            when _event.timestamp < _time then
                format('timestamp %s of version %s of stream %s is before that of the version before, %s',
                    _event.timestamp, _event.version, _stream, _time)
        end;
        if _fault is not null then
            insert into pg_temp.esdb_import_faults (number, fault)
            values (_event.number, _fault);
        else
            _type := coalesce(_type, _event.aggregate_type);
            _context := coalesce(_context, _event.bounded_context);
            if _event.version > _stored then
                _version := _event.version;
                _time := _event.timestamp;
            end if;
        end if;
    end loop;
end
$function$;

comment on function esdb._import_stream_faults() is 'Names the lines of the staged batch of an import that do not fit their streams.';

revoke all on function esdb._import_stream_faults() from public;
