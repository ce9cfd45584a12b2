-- However many new streams a transaction appends to, by whatever a repetition is known: it holds a handful of advisory locks. The
-- lock table is one for all, and who fills it makes others fail.
select plan(2);

begin;
select count(esdb.append_event('id-' || n, 'T', '{}', bounded_context => 'n', group_context => 'm', id => 'id-' || n))
from generate_series(1, 500) as n;
select count(*)
from generate_series(1, 500) as n
cross join lateral esdb.append_events(
    'key-' || n, '[{"event_type": "T", "payload": {}}]', null, 'n', 'm', idempotency_key => 'key');
select count(*)
from esdb.append_to_streams((
    select jsonb_agg(jsonb_build_object(
        'aggregate_id', 'call-' || n, 'bounded_context', 'n', 'group_context', 'm', 'idempotency_key', 'key',
        'events', '[{"event_type": "T", "payload": {}}]'::jsonb))
    from generate_series(1, 500) as n));
select is((select count(*) from esdb.events), 1500::bigint, 'a transaction has appended to 1,500 new streams');
select cmp_ok(count(*), '<=', 2::bigint, 'it holds one or two advisory locks')
from pg_locks as l
where l.pid = pg_backend_pid() and l.locktype = 'advisory';

select * from finish();
rollback;
