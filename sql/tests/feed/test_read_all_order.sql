-- read_all() gives all streams' events in the order of their positions, in pages, forwards or backwards.
select plan(26);

select is_empty('select * from esdb.read_all()', 'an empty store has no events');
select esdb.append_event('a', 'T1', '{}', 0, 'n', 'm');
select esdb.append_event('b', 'T2', '{}', 0, 'b', 'm');
select esdb.append_event('a', 'T3', '{}');
select count(*) from esdb.append_events('c', '[{"event_type": "T4", "payload": {}}, {"event_type": "T5", "payload": {}}]', 0, 'nt', 's');
begin;
select esdb.append_event('a', 'rolled back', '{}');
rollback;
select esdb.append_event('b', 'T7', '{}');
call settle();

select is(
    (
        select coalesce(string_agg(e.position::text, ' '), 'none')
        from (
            select r.position
            from esdb.read_all(asked.after_position, asked.max_count, backward => asked.backward, up_to_position => asked.up_to) as r
        ) as e
    ),
    asked.wanted,
    format('after %s%s, at most %s%s', asked.after_position, ' up to ' || asked.up_to, asked.max_count,
        case when asked.backward then ', backward' else '' end)
)
from (
    values
        (0::bigint, 1000, false, null::bigint, '1 2 3 4 5 7'),
        (0, 2, false, null, '1 2'),
        (2, 2, false, null, '3 4'),
        (4, 2, false, null, '5 7'),
        (5, 1, false, null, '7'),
        (6, 10, false, null, '7'),
        (7, 10, false, null, 'none'),
        (0, 2147483647, false, null, '1 2 3 4 5 7'),
        (0, 1000, false, 3, '1 2 3'),
        (1, 1, false, 3, '2'),
        (3, 1000, false, 3, 'none'),
        (4, 1000, false, 3, 'none'),
        (0, 1000, false, 0, 'none'),
        (0, 1000, false, 6, '1 2 3 4 5'),
        (0, 1000, false, 999, '1 2 3 4 5 7'),
        (0, 1000, true, null, '7 5 4 3 2 1'),
        (0, 2, true, null, '7 5'),
        (3, 1000, true, null, '7 5 4'),
        (0, 2, true, 4, '4 3'),
        (7, 2, true, null, 'none')
) as asked (after_position, max_count, backward, up_to, wanted);

select results_eq(
    $$select r.event_type::text collate "default" from esdb.read_all() as r$$,
    $$values ('T1'), ('T2'), ('T3'), ('T4'), ('T5'), ('T7')$$,
    'the rows are the events'
);
select function_returns('esdb', 'read_all', 'setof esdb.events', 'with the columns of events');

update esdb.streams set deleted_at = now() where aggregate_id = 'a';
select is((select count(*) from esdb.read_all()), 6::bigint, 'a deletion hides nothing');

select count(*) from esdb.append_events('long', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 1500)
), 0, 'n', 'm');
call settle();
select is((select count(*) from esdb.read_all()), 1000::bigint, 'a page has 1,000 events unless told');
begin transaction read only;
select is((select count(*) from esdb.read_all(1000)), 507::bigint, 'it reads in a read-only transaction');
commit;

select * from finish();
