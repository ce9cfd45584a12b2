-- Calls what an application calls, as mallory, and notes in pg_temp.outcome, which the test makes, how each call ended.
create function public.attempt_all()
returns void
language plpgsql
as $$
declare
    _statement pg_catalog.text;
    _result pg_catalog.text;
begin
    foreach _statement in array array[
        'select esdb.append_event(''s'', ''T'', ''{}'', bounded_context => ''n'', group_context => ''m'')',
        'select * from esdb.append_events(''s'', ''[{"event_type": "T", "payload": {}}]'')',
        'select esdb.append_event(''s'', ''T'', ''{}'', idempotency_key => ''key'', id => ''id'')',
        'select esdb.append_event(''s'', ''T'', ''{}'', idempotency_key => ''key'', id => ''id'')',
        'select * from esdb.read_stream(''s'')',
        'select * from esdb.read_all()',
        'select esdb.high_water_mark()',
        'select * from esdb.get_event(''none'')',
        'select * from esdb.get_stream_info(''s'')',
        'select esdb.stream_version(''s'')',
        'select esdb.save_snapshot(''s'', 1, ''{}'')',
        'select * from esdb.get_snapshot(''s'', as_of => clock_timestamp())',
        'select * from esdb.load_aggregate(''s'')',
        'select * from esdb.snapshots_due',
        'select * from esdb.list_settings()',
        'select esdb.new_ulid()',
        'select esdb.ulid_timestamp(''01ARZ3NDEKTSV4RRFFQ69G5FAV'')'
    ] loop
        begin
            perform set_config('role', 'mallory', true);
            execute _statement;
            _result := 'works';
        exception
            when others then
                _result := sqlerrm;
        end;
        perform set_config('role', 'none', true);
        insert into pg_temp.outcome (statement, result)
        values (_statement, _result);
    end loop;
end
$$;
