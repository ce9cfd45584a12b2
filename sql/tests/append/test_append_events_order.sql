-- append_events() writes an array in its order: consecutive versions, rising positions, one timestamp, ids that sort.
select plan(10);

select esdb.append_event('s', 'Made', '{}', 0, 'n', 'm');
create temporary table appended as
select *
from esdb.append_events('s', (
    select jsonb_agg(jsonb_build_object('event_type', 'T' || n, 'payload', jsonb_build_object('n', n)) order by n)
    from generate_series(1, 10000) as n
), 1) with ordinality;

select is((select count(*) from appended), 10000::bigint, '10,000 events are taken, one row an event');
select is_empty('select from appended where version <> ordinality + 1', 'versions follow the array');
select is_empty(
    'select from (select position, lag(position) over (order by ordinality) as before from appended) as p where position <= before',
    'positions rise in its order'
);
select is((select count(distinct timestamp) from appended), 1::bigint, 'all have one timestamp');
select is_empty(
    'select from (select id, lag(id) over (order by ordinality) as before from appended) as p where id <= before collate "C"',
    'ids made by the store sort in its order'
);
select is_empty('select from appended where not esdb._is_ulid(id)', 'and are ULIDs');
select is_empty(
    'select from appended where abs(extract(epoch from esdb.ulid_timestamp(id) - timestamp)) > 5',
    'of the time of the call'
);
select is_empty(
    $$select from appended as a
    full join esdb.read_stream('s', 2, max_count => 10000) as e on e.version = a.version
    where (e.id, e.position, e.timestamp, e.payload -> 'n', e.event_type) is distinct from
        (a.id, a.position, a.timestamp, to_jsonb(a.ordinality), 'T' || a.ordinality)$$,
    'the result is what was stored'
);
select is(esdb.stream_version('s'), 10001::bigint, 'the stream is at the last version');

create temporary table two as
select * from esdb.append_events('two', '[{"event_type": "A", "payload": {}}, {"event_type": "B", "payload": {}, "id": "mine"}]', 0, 'n', 'm');
select results_eq(
    'select version, id = ''mine'' from two',
    'values (1::bigint, false), (2, true)',
    'a new stream begins at 1; given ids and made ones mix'
);

select * from finish();
