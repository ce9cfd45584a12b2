-- The domains hold the codes that exist and versions from 0 on.
select plan(52);

select lives_ok(format('select %L::esdb.bounded_context_code', c.code), format('bounded context %s', c.code))
from unnest(array['b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e']) as c (code);
select lives_ok(format('select %L::esdb.group_context_code', c.code), format('group context %s', c.code))
from unnest(array['m', 'c', 's']) as c (code);
select lives_ok(format('select %L::esdb.feature_context_code', c.code), format('feature context %s', c.code))
from unnest(array['c', 'u', 'd', 'r']) as c (code);
select lives_ok(format('select %s::esdb.version_number', n), format('version %s', n))
from unnest(array[0, 1, 9223372036854775807]) as n;

select throws_ok(format('select %L::esdb.%I', bad.value, bad.type), '23514', null, format('%s refuses %L', bad.type, bad.value))
from (
    values
        ('bounded_context_code', 'x'),
        ('bounded_context_code', ''),
        ('bounded_context_code', 'B'),
        ('bounded_context_code', 'nn'),
        ('group_context_code', 'x'),
        ('group_context_code', ''),
        ('group_context_code', 'M'),
        ('feature_context_code', 'x'),
        ('feature_context_code', ''),
        ('feature_context_code', 'C'),
        ('version_number', '-1')
) as bad (type, value);

-- the same in a row of events, and none of them null
create function pg_temp.insert_event(changed jsonb)
returns void
language sql
as $$
insert into esdb.events
select (jsonb_populate_record(null::esdb.events, jsonb_build_object(
    'position', 1, 'id', 'id', 'bounded_context', 'n', 'group_context', 'm', 'feature_context', 'c', 'action_type', 'create',
    'aggregate_type', 'note', 'aggregate_id', 's', 'event_type', 'T', 'schema_version', 1, 'version', 1, 'timestamp', now(),
    'payload', '{}'::jsonb, 'recorded_by', 'me') || changed)).*
$$;
select throws_ok(
    format('select pg_temp.insert_event(%L)', jsonb_build_object(c.name, null)),
    -- no partition takes a row without its keys
    case when c.name in ('bounded_context', 'timestamp') then '23514' else '23502' end, null, format('events.%s is never null', c.name)
)
from unnest(array[
    'position', 'id', 'bounded_context', 'group_context', 'feature_context', 'action_type', 'aggregate_type', 'aggregate_id',
    'event_type', 'schema_version', 'version', 'timestamp', 'payload', 'recorded_by'
]) as c (name);
select throws_ok(format('select pg_temp.insert_event(%L)', bad.changed), bad.code, null, format('events refuse %s', bad.changed))
from (
    values
        ('{"bounded_context": "x"}', '23514'),
        ('{"group_context": "x"}', '23514'),
        ('{"feature_context": "x"}', '23514'),
        ('{"version": -1}', '23514'),
        ('{"action_type": "elevenchars"}', '22001'),
        ('{"schema_version": 32768}', '22003'),
        ('{"timestamp": "1999-01-01"}', '23514')
) as bad (changed, code);
select lives_ok($$select pg_temp.insert_event('{"metadata": null, "occurred_at": null}')$$, 'metadata and occurred_at may be null');

select * from finish();
