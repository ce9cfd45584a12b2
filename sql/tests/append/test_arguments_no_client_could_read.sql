-- What would be stored for good and break whoever reads it later is refused when it is appended.
select plan(11);

prepare single (timestamptz) as
select esdb.append_event('s', 'T', '{}', bounded_context => 'b', group_context => 'm', occurred_at => $1);

select throws_ok('execute single (''infinity'')', 'SE009', null, 'occurred_at infinity');
select throws_ok('execute single (''-infinity'')', 'SE009', null, 'occurred_at -infinity');
select throws_ok('execute single (''4713-01-01 BC'')', 'SE009', null, 'occurred_at before the year 1');
select throws_ok('execute single (''10000-01-01'')', 'SE009', null, 'occurred_at after the year 9999');
select lives_ok('execute single (''0001-01-01 00:00:00+00'')', 'the first year');
select lives_ok('execute single (''9999-12-31 23:59:59+00'')', 'the last second of the last year');

select throws_ok(
    format(
        'select * from esdb.append_events(%L, %L, bounded_context => %L, group_context => %L)',
        'batch', jsonb_build_array(jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb, 'occurred_at', given.value)), 'b', 'm'),
    'SE009',
    null,
    format('occurred_at %s in a batch', given.value)
)
from (
    values
        ('now'),
        ('03/04/2026'),
        ('infinity')
) as given (value);

select throws_ok(
    $$select esdb.append_event('n', 'T', ('{"a": [' || repeat('1e131071,', 300) || '0]}')::jsonb,
        bounded_context => 'b', group_context => 'm')$$,
    'SE010',
    null,
    'a payload over 2,000 bytes is measured as the text that its reader gets, not as it is stored'
);
select throws_ok(
    $$select esdb.append_event('a', 'T', '{}', bounded_context => 'b', group_context => 'm', aggregate_type => '')$$,
    'SE009',
    null,
    'an empty aggregate_type'
);

select * from finish();
