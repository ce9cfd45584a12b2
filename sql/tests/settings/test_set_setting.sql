-- set_setting() changes a setting within its bounds, for everyone at once; null sets it back; list_settings() shows all.
select plan(68);

select results_eq(
    'select name, value, default_value, is_changed from esdb.list_settings()',
    'select s.name collate "default", s.default_value, s.default_value, false from esdb.settings as s order by s.name',
    'in a new store each setting is its default'
);
select is_empty('select from esdb.list_settings() where num_nulls(value_type, minimum, maximum, meaning) > 0', 'each tells its type, bounds and meaning');

select is(esdb.set_setting(good.name, good.value), good.wanted, format('%s takes %L', good.name, good.value))
from (
    values
        ('partitions_ahead', '0', '0'),
        ('partitions_ahead', '120', '120'),
        ('snapshot_threshold', '007', '7'),
        ('snapshots_kept', '1000000', '1000000'),
        ('snapshot_retention', '0', '00:00:00'),
        ('snapshot_retention', ' 0 ', '00:00:00'),
        ('snapshot_retention', 'P14D', '14 days'),
        ('snapshot_retention', '14d', '14 days'),
        ('snapshot_retention', '1-2', '1 year 2 mons'),
        ('snapshot_retention', '1.5 days', '1 day 12:00:00'),
        ('snapshot_retention', '1 day 2:03:04.5', '1 day 02:03:04.5'),
        ('snapshot_retention', ' 2 weeks ', '14 days'),
        ('idempotency_retention', '90 minutes', '01:30:00'),
        ('idempotency_retention', '1 year 2 months', '1 year 2 mons')
) as good (name, value, wanted);
select results_eq(
    'select name, value, is_changed from esdb.list_settings() where is_changed',
    $$values ('idempotency_retention', '1 year 2 mons', true), ('partitions_ahead', '120', true), ('snapshot_retention', '14 days', true),
        ('snapshot_threshold', '7', true), ('snapshots_kept', '1000000', true)$$,
    'those set are in force, and marked'
);
select is(esdb.set_setting('snapshot_threshold', null), '100', 'null gives the default back');
select is(esdb.set_setting('partitions_ahead'), '3', 'so does no value');
select is((select count(*) from esdb.list_settings() where is_changed), 3::bigint, 'those are changed no more');
select is(esdb.set_setting('snapshot_threshold', '100'), '100', 'the default''s own value can be set');
select is(is_changed, true, 'and counts as set') from esdb.list_settings() where name = 'snapshot_threshold';

create function pg_temp.hint(value text)
returns text
language plpgsql
as $$
declare
    _hint text;
begin
    perform esdb.set_setting('snapshot_retention', hint.value);
    return null;
exception
    when sqlstate 'SE009' then
        get stacked diagnostics _hint = pg_exception_hint;
        return _hint;
end
$$;
select refused(format('select esdb.set_setting(%L, %L)', bad.name, bad.value), 'SE009', bad.detail, format('%s refuses %L', bad.name, bad.value))
from (
    values
        ('partitions_ahead', '-1', 'value: ''-1'' is no integer from 0 to 120'),
        ('partitions_ahead', '121', 'value: ''121'' is no integer from 0 to 120'),
        ('partitions_ahead', '', 'value: '''' is no integer from 0 to 120'),
        ('partitions_ahead', ' 1', 'value: '' 1'' is no integer%'),
        ('partitions_ahead', '1.5', 'value: ''1.5'' is no integer%'),
        ('partitions_ahead', 'three', 'value: ''three'' is no integer%'),
        ('partitions_ahead', '٣', 'value: % is no integer%'),
        ('partitions_ahead', e'3\n', 'value: % is no integer%'),
        ('partitions_ahead', '99999999999999999999', 'value: % is no integer%'),
        ('partitions_ahead', 'it''s; drop table esdb.settings', 'value: ''it''''s; drop table esdb.settings'' is no integer%'),
        ('snapshot_threshold', '0', 'value: ''0'' is no integer from 1 to 1000000'),
        ('snapshots_kept', '0', 'value: ''0'' is no integer from 1 to 1000000'),
        ('max_payload_bytes', '1 MB', 'value: ''1 MB'' is no integer from 2000 to 268435455'),
        ('max_payload_bytes', '1', 'value: ''1'' is no integer from 2000 to 268435455'),
        ('snapshot_retention', '-1 day', 'value: ''-1 day'' is no interval from 0 to 1000 years'),
        ('snapshot_retention', '1 month -40 days', 'value: % is no interval%'),
        ('snapshot_retention', '1001 years', 'value: % is no interval%'),
        ('snapshot_retention', '999999999999 years', 'value: % is no interval%'),
        ('snapshot_retention', 'infinity', 'value: % is no interval%'),
        ('snapshot_retention', 'a while', 'value: ''a while'' is no interval%'),
        ('snapshot_retention', '', 'value: '''' is no interval%'),
        ('snapshot_retention', '14', 'value: ''14'' has a number without a unit'),
        ('idempotency_retention', '14', 'value: ''14'' has a number without a unit'),
        ('snapshot_retention', ' +14 ', 'value: % has a number without a unit'),
        ('snapshot_retention', '14.5', 'value: % has a number without a unit'),
        ('snapshot_retention', '.5', 'value: % has a number without a unit'),
        ('snapshot_retention', '-14', 'value: % has a number without a unit'),
        ('snapshot_retention', '@ 14', 'value: % has a number without a unit'),
        ('snapshot_retention', '14,', 'value: % has a number without a unit'),
        ('snapshot_retention', '-14 AGO', 'value: % has a number without a unit'),
        ('snapshot_retention', '1 year 2', 'value: % has a number without a unit'),
        ('none', '1', 'name: ''none'' is none of idempotency_retention, %snapshots_kept'),
        ('Partitions_Ahead', '1', 'name: ''Partitions_Ahead'' is none of %'),
        ('', '1', 'name: '''' is none of %'),
        ('none', null, 'name: ''none'' is none of %'),
        (null, '1', 'name: null is none of %')
) as bad (name, value, detail);
select is(pg_temp.hint(bad.value), bad.hint, format('the hint for %L', bad.value))
from (
    values
        ('14', 'Give each number its unit: write 14 days, for example.'),
        ('a while', 'Pass what snapshot_retention takes. Its default is 30 days: esdb.set_setting(''snapshot_retention'') in SQL, `esdb settings reset snapshot_retention` in a shell.')
) as bad (value, hint);
select is((select count(*) from esdb.list_settings() where is_changed), 4::bigint, 'a refusal changes nothing');

-- every function that asks for a setting has the new value at its next call, in this session and its plans
create function pg_temp.months_made()
returns bigint
language sql
as $$select count(*) from esdb._partition_plan() where action = 'create_month'$$;
select is(pg_temp.months_made(), 0::bigint, 'partitions: nothing to do');
select esdb.set_setting('partitions_ahead', '5');
select is(pg_temp.months_made(), 18::bigint, 'partitions_ahead: two more months for each of nine contexts');
select lives_ok($$select esdb.append_event('s', 'T', jsonb_build_object('a', repeat('x', 5000)), 0, 'n', 'm')$$, 'a payload of 5 kB is taken');
select esdb.set_setting('max_payload_bytes', '4000');
select throws_ok($$select esdb.append_event('s', 'T', jsonb_build_object('a', repeat('x', 5000)))$$, 'SE010', null, 'max_payload_bytes: no more');
select esdb.append_event('s', 'T', '{}', idempotency_key => 'k');
select esdb.set_setting('idempotency_retention', '0');
select is(version, 3::bigint, 'idempotency_retention: the key is known no more')
from esdb.append_event('s', 'T', '{"b": 1}', idempotency_key => 'k') as a;
set intervalstyle = sql_standard;
select is(esdb.set_setting('snapshot_retention', '1 year 2 months 3 days'), '1 year 2 mons 3 days', 'a value is stored in one style whatever the session''s');
set intervalstyle = iso_8601;
select is(esdb._setting('snapshot_retention')::interval, interval 'P1Y2M3D', 'and means the same in another');

select * from finish();
