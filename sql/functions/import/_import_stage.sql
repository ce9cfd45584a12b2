-- Reads the lines of a batch as events: esdb_import_lines → esdb_import_events, and what is wrong with the others →
-- esdb_import_faults; returns how many those are. Locks nothing, so the next batch is staged while this one is written.
--
-- All lines in one statement; only where one of them is not sound is each asked for its fault.
create or replace function esdb._import_stage()
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    -- events are made by servers' clocks, and these differ; far in the future would be partitions that nobody wants
    _time_limit constant timestamptz := clock_timestamp() + interval '1 day';
    _max_payload_bytes constant integer := esdb._setting('max_payload_bytes')::integer;
    _lines bigint := (select count(*) from pg_temp.esdb_import_lines);
    _staged bigint;
    _faults bigint;
begin
    for _attempt in 1 .. 2 loop
        begin
            insert into pg_temp.esdb_import_events
            select l.number, (e.event_row).*
            from pg_temp.esdb_import_lines as l
            cross join lateral (select l.line::jsonb as event offset 0) as j
            cross join lateral (select jsonb_populate_record(null::esdb.events, j.event) as event_row offset 0) as e
            where esdb._import_is_sound(j.event, e.event_row, _time_limit, _max_payload_bytes);
            get diagnostics _staged = row_count;
            if _staged = _lines then
                return coalesce(_faults, 0);
            end if;
            raise exception 'a line is not sound'
                using errcode = 'data_exception',
                      detail = format('%s of %s lines are events', _staged, _lines),
                      hint = 'esdb._import_fault() says of each line what is wrong.';
        exception
            when data_exception or program_limit_exceeded or integrity_constraint_violation then
                if _attempt = 2 then
                    raise;
                end if;
        end;
        insert into pg_temp.esdb_import_faults (number, fault)
        select l.number, f.fault
        from pg_temp.esdb_import_lines as l
        cross join lateral (select esdb._import_fault(l.line, _time_limit, _max_payload_bytes) as fault offset 0) as f
        where f.fault is not null;
        get diagnostics _faults = row_count;
        delete from pg_temp.esdb_import_lines as l
        using pg_temp.esdb_import_faults as f
        where f.number = l.number;
        _lines := _lines - _faults;
    end loop;
    return _faults;
end
$function$;

comment on function esdb._import_stage() is 'Stages the lines of a batch of an import as events; returns how many are none.';

revoke all on function esdb._import_stage() from public;
