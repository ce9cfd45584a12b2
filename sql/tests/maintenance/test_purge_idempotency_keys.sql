-- Keys past idempotency_retention go, batch by batch; those that are still known stay.
select plan(9);

select esdb.append_event('s', 'A', '{}', 0, 'n', 'm', idempotency_key => 'new');
insert into esdb.idempotency_keys (aggregate_id, key, first_version, event_count, created_at)
select 's', 'old-' || n, 1, 1, now() - interval '7 days 1 minute' from generate_series(1, 5) as n;
insert into esdb.idempotency_keys (aggregate_id, key, first_version, event_count, created_at)
values ('s', 'nearly', 1, 1, now() - interval '6 days 23 hours');

select is(esdb._purge_idempotency_keys(3), 3::bigint, 'a batch is as large as asked for');
select is(esdb._purge_idempotency_keys(3), 2::bigint, 'the last one is smaller');
select is(esdb._purge_idempotency_keys(3), 0::bigint, 'then there is nothing');
select set_eq(
    'select key collate "default" from esdb.idempotency_keys', $$values ('new'), ('nearly')$$, 'what is known still stays'
);
select is(a.version, 1::bigint, 'and is recognised')
from esdb.append_event('s', 'A', '{}', idempotency_key => 'new') as a;

update esdb.settings set value = '6 days' where name = 'idempotency_retention';
select is(esdb._purge_idempotency_keys(), 1::bigint, 'the setting says when');
select is(a.version, 2::bigint, 'a key that went is new again')
from esdb.append_event('s', 'A', '{}', idempotency_key => 'nearly') as a;

select throws_ok('select esdb._purge_idempotency_keys(0)', 'SE009', null, 'a batch of none is refused');
select throws_ok('select esdb._purge_idempotency_keys(null)', 'SE009', null, 'and no batch');

select * from finish();
