-- A batch of an import is written whole, but for what is there already or does not fit, which is named by its line.
select plan(17);

create function line(
    "position" bigint,
    aggregate_id text,
    version bigint,
    changes jsonb default '{}'
)
returns text
language sql
as $$
select (jsonb_build_object(
    'position', position, 'id', aggregate_id || '.' || version, 'bounded_context', 'b', 'group_context', 'm',
    'feature_context', 'u', 'action_type', 'update', 'aggregate_type', 'bookmark', 'aggregate_id', aggregate_id,
    'event_type', 'Happened', 'schema_version', 2, 'version', version,
    'timestamp', clock_timestamp(), 'occurred_at', null, 'payload', jsonb_build_object('n', position),
    'metadata', null, 'recorded_by', 'somebody'
) || changes)::text
$$;

create temporary table faults (number bigint, fault text);

create function import_lines(
    lines text[],
    goes_on boolean default false,
    is_dry_run boolean default false
)
returns text
language plpgsql
as $$
declare
    _result record;
begin
    perform esdb._import_begin();
    insert into esdb_import_lines (number, line)
    select l.number, l.line from unnest(lines) with ordinality as l (line, number);
    perform esdb._import_stage();
    select * into _result from esdb._import_batch(0, goes_on, is_dry_run);
    delete from faults;
    insert into faults select * from esdb_import_faults;
    return format('%s new, %s known, %s bad', _result.event_count, _result.known_count, _result.fault_count);
end
$$;

select is(import_lines(array[line(1, 'a', 1), line(2, 'b', 1), line(3, 'a', 2)]), '3 new, 0 known, 0 bad', 'new events are written');
select results_eq(
    $$select aggregate_id collate "default", version::bigint, schema_version::int, recorded_by, payload from esdb.events order by position$$,
    $$values ('a', 1::bigint, 2, 'somebody', '{"n": 1}'::jsonb), ('b', 1, 2, 'somebody', '{"n": 2}'),
        ('a', 2, 2, 'somebody', '{"n": 3}')$$,
    'in the order of the lines, as they were'
);
select is(esdb.stream_version('a'), 2::bigint, 'the stream is at their version');
select is(
    (select version from esdb.append_event('a', 'Happened', '{}', 2)), 3::bigint,
    'an append goes on from there'
);
select is(
    import_lines(array[line(1, 'b', 2), line(2, 'b', 3, '{"feature_context": "d", "event_type": "StreamDeleted"}')]),
    '2 new, 0 known, 0 bad', 'a stream that is there is continued'
);
select ok((select deleted_at = updated_at from esdb.streams where aggregate_id = 'b'), 'to its deletion');
select is(
    import_lines(array[(select row_to_json(e)::text from esdb.events as e where aggregate_id = 'a' and version = 3)]),
    '0 new, 1 known, 0 bad', 'an event that is there already is left out'
);
select is(
    import_lines(array[(
        select (to_jsonb(e) || '{"payload": {"other": 1}}')::text from esdb.events as e where aggregate_id = 'a' and version = 3
    )]),
    '0 new, 0 known, 1 bad', 'another event of that version is refused'
);
select is(import_lines(array[line(1, 'c', 1), 'x', line(2, 'c', 3)]), '0 new, 0 known, 1 bad', 'a bad line stops the batch');
select is(esdb.stream_version('c'), 0::bigint, 'of which nothing is written');
select is(
    import_lines(array[line(1, 'c', 1), 'x', line(2, 'c', 3), line(3, 'c', 2), line(2, 'k', 1), line(4, 'd', 1)], true),
    '3 new, 0 known, 3 bad', 'or is left out'
);
select results_eq(
    'select number, split_part(fault, '':'', 1) from faults order by number',
    $$values (2::bigint, 'no JSON'), (3, 'version 3 of stream c does not follow version 1'),
        (5, 'position 2 is not above 3, that of a line before')$$,
    'each is named'
);
select is(
    import_lines(array[line(1, 'e', 1), line(2, 'f', 1, '{"id": "e.1"}'), line(3, 'g', 1, '{"id": "a.1"}')], true),
    '1 new, 0 known, 2 bad', 'an id is given once in a batch and a partition'
);
begin;
select is(import_lines(array[line(1, 'h', 1)], is_dry_run => true), '1 new, 0 known, 0 bad', 'a dry run tells the same');
select is(esdb.stream_version('h'), 0::bigint, 'and writes nothing');
select is(
    import_lines(array[line(2, 'h', 2)], is_dry_run => true), '1 new, 0 known, 0 bad', 'but knows its earlier batches'
);
commit;
select throws_ok(
    $$select import_lines(array[line(1, 'i', 1, '{"timestamp": "2001-01-01T00:00:00Z"}')])$$, '23514', null,
    'a month must have been made, as _import_obstacles() says'
);

select * from finish();
