-- Where no month was made for its time, an event goes into its context's overflow, and readers find it there.
select plan(7);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
update esdb.streams set created_at = '2200-01-15 00:00:00+00', updated_at = '2200-01-15 00:00:00+00', month_version = 2
where aggregate_id = 's';
select is(a.timestamp, '2200-01-15 00:00:00+00'::timestamptz, 'an event two hundred years ahead is taken')
from esdb.append_event('s', 'Late', '{}', id => 'late') as a;
select results_eq(
    $$select e.tableoid::regclass::text, e.event_type::text collate "default" from esdb.events as e where e.event_type = 'Late'$$,
    $$values ('esdb.events_note_overflow', 'Late')$$,
    'it stands in the overflow of its context'
);
select is((select count(*) from esdb.read_stream('s', 2)), 1::bigint, 'read_stream() finds it');
select is((select count(*) from esdb.get_event('late')), 1::bigint, 'get_event() finds it');
select is((select count(*) from esdb.get_event('late', 's')), 1::bigint, 'with its stream too');
select is(e.recorded_by, session_user::text, 'with the columns'' defaults') from esdb.get_event('late') as e;
select refused('delete from esdb.events_note_overflow', 'SE008', 'DELETE of esdb.events_note_overflow', 'it is immutable there');

select * from finish();
