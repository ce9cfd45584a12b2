-- esdb.settings holds the store's settings, each of its type; a null value means the default.
select plan(42);

select results_eq(
    'select name collate "default", value, value_type, default_value, minimum, maximum from esdb.settings order by name',
    $$values
        ('idempotency_retention', null, 'interval', '7 days', '0', '1000 years'),
        ('max_payload_bytes', null, 'integer', '1048576', '2000', '268435455'),
        ('partitions_ahead', null, 'integer', '3', '0', '120'),
        ('retry_delay', null, 'interval', '1 second', '0', '1 day'),
        ('retry_delay_limit', null, 'interval', '1 minute', '0', '1 day'),
        ('seal_after', null, 'interval', '1 day', '0', '1000 years'),
        ('snapshot_retention', null, 'interval', '30 days', '0', '1000 years'),
        ('snapshot_threshold', null, 'integer', '100', '1', '1000000'),
        ('snapshots_kept', null, 'integer', '5', '1', '1000000')$$,
    'the settings of a new store'
);
select is_empty('select from esdb.settings where length(meaning) < 10', 'each tells its meaning');

select is(esdb._setting('partitions_ahead'), '3', 'without a value a setting is its default');
update esdb.settings set value = '7' where name = 'partitions_ahead';
select is(esdb._setting('partitions_ahead'), '7', 'else its value');
update esdb.settings set value = null where name = 'partitions_ahead';
select is(esdb._setting('partitions_ahead'), '3', 'null is the default again');
select is(esdb._setting('none'), null, 'an unknown setting is null');

select throws_ok(format('update esdb.settings set value = %L where name = %L', bad.value, bad.name), bad.code, null,
    format('%s refuses %L', bad.name, bad.value))
from (
    values
        ('partitions_ahead', '-1', '23514'),
        ('partitions_ahead', '', '23514'),
        ('partitions_ahead', 'three', '23514'),
        ('partitions_ahead', '1.5', '23514'),
        ('partitions_ahead', ' 1', '23514'),
        ('partitions_ahead', '121', '23514'),
        ('snapshot_threshold', '0', '23514'),
        ('snapshot_threshold', '1000001', '23514'),
        ('snapshots_kept', '0', '23514'),
        ('max_payload_bytes', '1999', '23514'),
        ('max_payload_bytes', '268435456', '23514'),
        ('max_payload_bytes', '1 MB', '23514'),
        ('snapshot_retention', '1000 years 1 second', '23514'),
        ('max_payload_bytes', '1234567890123456789', '23514'),
        ('snapshot_retention', '-1 day', '23514'),
        ('snapshot_retention', 'a while', '22007'),
        ('idempotency_retention', '', '22007')
) as bad (name, value, code);
select lives_ok(format('update esdb.settings set value = %L where name = %L', good.value, good.name),
    format('%s takes %L', good.name, good.value))
from (
    values
        ('partitions_ahead', '0'),
        ('partitions_ahead', '12'),
        ('max_payload_bytes', '2000'),
        ('max_payload_bytes', '268435455'),
        ('snapshots_kept', '1'),
        ('partitions_ahead', '120'),
        ('snapshot_retention', '1000 years'),
        ('snapshot_retention', '0'),
        ('snapshot_retention', '1 year 2 months'),
        ('idempotency_retention', 'P14D')
) as good (name, value);

select throws_ok(refused.statement, refused.code, null, refused.statement)
from (
    values
        ('insert into esdb.settings values (''x'', null, ''text'', ''1 day'', ''0'', ''9'', ''b'')', '23514'),
        ('insert into esdb.settings values (''x'', null, ''integer'', ''a'', ''0'', ''9'', ''b'')', '23514'),
        ('insert into esdb.settings values (''x'', null, ''integer'', ''1'', ''a'', ''9'', ''b'')', '22P02'),
        ('insert into esdb.settings values (''x'', null, ''integer'', ''1'', null, ''9'', ''b'')', '23502'),
        ('insert into esdb.settings values (''x'', null, ''integer'', null, ''0'', ''9'', ''b'')', '23502'),
        ('insert into esdb.settings values (''x'', null, ''integer'', ''1'', ''0'', ''9'', null)', '23502'),
        ('insert into esdb.settings values (''partitions_ahead'', null, ''integer'', ''1'', ''0'', ''9'', ''b'')', '23505')
) as refused (statement, code);

-- what an integer cannot hold is refused here, before an append meets it
select throws_ok(
    format('update esdb.settings set value = %L where name = %L', huge.value, 'max_payload_bytes'),
    '23514',
    null,
    format('max_payload_bytes %s is refused', huge.value)
)
from (
    values
        ('999999999999999999'),
        ('3000000000')
) as huge (value);

select * from finish();
