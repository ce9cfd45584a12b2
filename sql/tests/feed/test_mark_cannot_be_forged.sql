-- No variable that a session sets moves the mark that all sessions share past an open append.
select plan(5);

select is(esdb.high_water_mark(), 0::bigint, 'the mark of an empty store is 0');

begin;
-- positions 1 to 3, announced from 0 on: the true mark is 0 until this transaction ends
select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}},
    {"event_type": "T", "payload": {}}]', 0, 'n', 'm');
select set_config('esdb.mark', '2', false);
select esdb.high_water_mark();
select is(coalesce(pg_sequence_last_value('esdb.established_mark'), 0), 0::bigint, 'nothing is recorded beyond the open append');
select set_config('esdb.mark', '', false);
select is(esdb.high_water_mark(), 0::bigint, 'other sessions'' mark stays behind it');
rollback;

begin;
select count(*) from esdb.append_events('t', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}}]', 0, 'n', 'm');
select is(
    (
        select max(esdb.high_water_mark())
        from (values ('999999999999999999'), ('-5'), ('nonsense'), ('1e9'), ('')) as v (value)
        cross join lateral set_config('esdb.mark', v.value, true) as s
    ) <= 3,
    true, 'nor does one make a mark beyond the last position'
);
rollback;

select is_empty('select * from esdb.read_all()', 'nothing was committed');

select * from finish();
