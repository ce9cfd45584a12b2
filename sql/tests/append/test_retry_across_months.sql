-- Ids and keys are recognised across a month's end.
select plan(4);

update esdb.settings set value = '60 days' where name = 'idempotency_retention';
create temporary table last_month as
select esdb._utc_month(clock_timestamp(), -1) + interval '10 days' as at;
insert into esdb.events
    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
     version, timestamp, payload)
select nextval('esdb.event_position'), 'old-id', 'n', 'm', 'c', 'create', 'note', 's', 'T', 1, l.at, '{}'
from last_month as l;
insert into esdb.streams
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
select 's', 'note', 'n', 'm', 1, 1, l.at, l.at from last_month as l;
insert into esdb.idempotency_keys (aggregate_id, key, first_version, event_count, created_at)
select 's', 'old-key', 1, 1, l.at from last_month as l;

select esdb.append_event('s', 'Later', '{}', 1);
select is(a.version, 1::bigint, 'an id of last month')
from esdb.append_event('s', 'T', '{}', id => 'old-id') as a;
select is(a.version, 1::bigint, 'where expected_version no longer fits too')
from esdb.append_event('s', 'T', '{}', 0, 'n', 'm', id => 'old-id') as a;
select is(a.version, 1::bigint, 'a key of last month')
from esdb.append_event('s', 'T', '{}', idempotency_key => 'old-key') as a;
select is(esdb.stream_version('s'), 2::bigint, 'nothing was appended');

select * from finish();
