-- Ids and keys are recognised for idempotency_retention and no longer.
select plan(6);

create temporary table first_result as
select a.* from esdb.append_event('s', 'A', '{}', 0, 'n', 'm', id => 'id-1', idempotency_key => 'key') as a;

update esdb.idempotency_keys set created_at = now() - interval '6 days 23 hours';
select results_eq(
    $$select a.* from esdb.append_event('s', 'A', '{}', idempotency_key => 'key') as a$$, 'select * from first_result',
    'a key is known for seven days'
);
update esdb.idempotency_keys set created_at = now() - interval '7 days 1 hour';
select is(a.version, 2::bigint, 'after that its append is a new one')
from esdb.append_event('s', 'B', '{}', idempotency_key => 'key') as a;
select results_eq(
    $$select first_version::bigint, event_count, created_at > now() - interval '1 hour' from esdb.idempotency_keys$$,
    'values (2::bigint, 1, true)',
    'which takes the key over'
);

update esdb.settings set value = '1 minute' where name = 'idempotency_retention';
update esdb.idempotency_keys set created_at = now() - interval '2 minutes';
select is(a.version, 3::bigint, 'the setting is the retention')
from esdb.append_event('s', 'C', '{}', idempotency_key => 'key') as a;

select results_eq(
    $$select a.* from esdb.append_event('s', 'A', '{}', id => 'id-1') as a$$, 'select * from first_result',
    'an id is known as long as the retention reaches back to its event'
);
update esdb.settings set value = '0 seconds' where name = 'idempotency_retention';
select refused(
    $$select esdb.append_event('s', 'A', '{}', id => 'id-1')$$, 'SE007', 'id id-1 is version 1 of this stream, s',
    'after that it is a duplicate, met in the same leaf'
);

select * from finish();
