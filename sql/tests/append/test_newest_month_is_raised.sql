-- An append raises esdb.newest_month to the end of its month, ahead of its event; nothing lowers it.
select plan(6);

create function pg_temp.newest()
returns timestamptz
language sql
as $$select to_timestamp(coalesce(pg_sequence_last_value('esdb.newest_month'), 0))$$;

select is(pg_temp.newest(), '1970-01-01 00:00:00+00'::timestamptz, 'a new store has no newest month');
select is(pg_temp.newest(), esdb._utc_month(a.timestamp, 1), 'the first append raises it to its month''s end')
from esdb.append_event('s', 'T', '{}', 0, 'n', 'm') as a;

update esdb.streams set
    created_at = esdb._utc_month(created_at, 2), updated_at = esdb._utc_month(updated_at, 2) + interval '1 day'
where aggregate_id = 's';
select is(pg_temp.newest(), esdb._utc_month(a.timestamp, 1), 'an event two months ahead raises it further')
from esdb.append_event('s', 'T', '{}') as a;
select is((select count(*) from esdb.read_stream('s', 2)), 1::bigint, 'its event is read');
select esdb.append_event('t', 'T', '{}', 0, 'n', 'm');
select is(pg_temp.newest(), esdb._utc_month(i.updated_at, 1), 'an earlier event does not lower it')
from esdb.get_stream_info('s') as i;

update esdb.streams set updated_at = '2100-05-05 00:00:00+00' where aggregate_id = 's';
begin;
select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}]');
rollback;
select is(pg_temp.newest(), '2100-06-01 00:00:00+00'::timestamptz, 'what was raised stays raised after a rollback');

select * from finish();
