-- read_stream() gives the versions asked for, forwards or backwards, in pages.
select plan(35);

select count(*) from esdb.append_events('s', (
    select jsonb_agg(jsonb_build_object('event_type', 'T' || n, 'payload', '{}'::jsonb) order by n) from generate_series(1, 10) as n
), 0, 'n', 'm');
select esdb.append_event('other', 'T', '{}', 0, 'n', 'm');

-- the versions read, or the error
create function pg_temp.versions(
    from_version bigint,
    to_version bigint,
    max_count integer,
    backward boolean,
    as_of timestamptz default null
)
returns text
language plpgsql
as $$
begin
    return (
        select coalesce(string_agg(e.version::text, ' '), 'none')
        from (
            select r.version
            from esdb.read_stream('s', from_version, to_version, max_count, backward, as_of) as r
        ) as e
    );
exception
    when others then
        return sqlstate;
end
$$;

select is(
    pg_temp.versions(asked.from_version, asked.to_version, asked.max_count, asked.backward),
    asked.wanted,
    format('from %s to %s, at most %s%s', asked.from_version, coalesce(asked.to_version::text, 'the newest'), asked.max_count,
        case when asked.backward then ', backward' else '' end)
)
from (
    values
        (1::bigint, null::bigint, 1000, false, '1 2 3 4 5 6 7 8 9 10'),
        (0, null, 1000, false, '1 2 3 4 5 6 7 8 9 10'),
        (4, null, 1000, false, '4 5 6 7 8 9 10'),
        (10, null, 1000, false, '10'),
        (11, null, 1000, false, 'none'),
        (1, 3, 1000, false, '1 2 3'),
        (3, 3, 1000, false, '3'),
        (5, 3, 1000, false, 'none'),
        (1, 0, 1000, false, 'none'),
        (8, 99, 1000, false, '8 9 10'),
        (1, null, 1, false, '1'),
        (4, null, 3, false, '4 5 6'),
        (9, null, 3, false, '9 10'),
        (2, 5, 2, false, '2 3'),
        (1, 9223372036854775807, 2147483647, false, '1 2 3 4 5 6 7 8 9 10'),
        (9223372036854775807, null, 1000, false, 'none'),
        (1, null, 1000, true, '10 9 8 7 6 5 4 3 2 1'),
        (1, null, 3, true, '10 9 8'),
        (1, 7, 3, true, '7 6 5'),
        (6, 7, 3, true, '7 6'),
        (9, null, 3, true, '10 9'),
        (11, null, 3, true, 'none'),
        (5, 3, 3, true, 'none'),
        (1, 0, 3, true, 'none'),
        (1, 99, 1, true, '10'),
        (9223372036854775807, null, 1000, true, 'none')
) as asked (from_version, to_version, max_count, backward, wanted);

select is((select count(*) from esdb.read_stream('none')), 0::bigint, 'a stream that does not exist has no rows');
select is((select count(*) from esdb.read_stream('')), 0::bigint, 'nor has one that cannot exist');
select is((select count(*) from esdb.read_stream('S')), 0::bigint, 'names are distinguished to the letter');
select columns_are('esdb', 'events', array[
    'position', 'id', 'bounded_context', 'group_context', 'feature_context', 'action_type', 'aggregate_type', 'aggregate_id',
    'event_type', 'schema_version', 'version', 'timestamp', 'occurred_at', 'payload', 'metadata', 'recorded_by'
], 'a row has the columns of events');
select function_returns('esdb', 'read_stream', 'setof esdb.events', 'read_stream() returns them');

select count(*) from esdb.append_events('long', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 1500)
), 0, 'n', 'm');
select is((select count(*) from esdb.read_stream('long')), 1000::bigint, 'a page has 1,000 events unless told');

begin transaction read only;
select is((select count(*) from esdb.read_stream('s')), 10::bigint, 'it reads in a read-only transaction');
commit;
begin transaction isolation level serializable;
select is((select count(*) from esdb.read_stream('s')), 10::bigint, 'and under SERIALIZABLE');
commit;
begin;
select esdb.append_event('s', 'T11', '{}');
select is((select count(*) from esdb.read_stream('s')), 11::bigint, 'a transaction reads its own events');
rollback;

select * from finish();
