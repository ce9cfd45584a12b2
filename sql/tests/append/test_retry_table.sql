-- Every row of the table of retries in the API, for both functions, with ids and with a key.
select plan(38);

-- One append of one event A, by either function, known by an id or a key.
create function pg_temp.call(
    function text,
    known_by text,
    name text,
    stream text,
    event_type text default 'A',
    payload jsonb default '{"n": 1}',
    expected bigint default null,
    metadata jsonb default null
)
returns setof esdb.append_result
language plpgsql
as $$
declare
    _id text := case when known_by = 'id' then name end;
    _key text := case when known_by = 'key' then name end;
begin
    if function = 'append_event' then
        return query select * from esdb.append_event(
            stream, event_type, payload, expected, 'n', 'm', metadata => metadata, id => _id, idempotency_key => _key);
    else
        return query select * from esdb.append_events(
            stream,
            jsonb_build_array(
                jsonb_strip_nulls(jsonb_build_object('event_type', event_type, 'payload', payload, 'id', _id)),
                jsonb_strip_nulls(jsonb_build_object('event_type', 'Second', 'payload', payload, 'id', _id || '-2'))),
            expected, 'n', 'm', metadata => metadata, idempotency_key => _key);
    end if;
end
$$;

create function pg_temp.code(statement text)
returns text
language plpgsql
as $$
begin
    execute statement;
    return 'no error';
exception
    when others then
        return sqlstate;
end
$$;

create temporary table way as
select f.function, k.known_by, format('%s by %s', f.function, k.known_by) as name
from (
    values
        ('append_event'),
        ('append_events')
) as f (function)
cross join (
    values
        ('id'),
        ('key')
) as k (known_by);

create temporary table first_result as
select w.name as way, r.*
from way as w
cross join lateral pg_temp.call(w.function, w.known_by, w.name, w.name) as r;
select esdb.append_event(w.name, 'Later', '{}') from way as w;
create temporary table before as
select count(*) as events, (select jsonb_object_agg(s.aggregate_id, s.version) from esdb.streams as s) as versions
from esdb.events;

-- known in this stream, the same events: the first result
select results_eq(
    format('select r.* from pg_temp.call(%L, %L, %L, %L, expected => %s, metadata => %L) as r',
        w.function, w.known_by, w.name, w.name, t.expected, t.metadata),
    format('select id, version, position, timestamp from first_result where way = %L', w.name),
    format('%s: %s', w.name, t.what)
)
from way as w
cross join (
    values
        ('the same again has the first result', 'null', null),
        ('metadata may differ', 'null', '{"try": 2}'),
        ('expected_version that no longer fits', '0', null)
) as t (what, expected, metadata);

-- known, other events
select is(
    pg_temp.code(format('select pg_temp.call(%L, %L, %L, %L, %L, %L)',
        w.function, w.known_by, w.name, w.name, t.event_type, t.payload)),
    'SE006',
    format('%s: %s', w.name, t.what)
)
from way as w
cross join (
    values
        ('another type', 'B', '{"n": 1}'),
        ('another payload', 'A', '{"n": 2}')
) as t (what, event_type, payload);
select is(
    pg_temp.code(format('select esdb.append_events(%L, %L, idempotency_key => %L)', w.name, e.events, e.key)),
    'SE006',
    format('%s: %s', w.name, e.what)
)
from (
    values
        ('append_events by id', '[{"id": "append_events by id-2", "event_type": "Second", "payload": {"n": 1}},
            {"id": "append_events by id", "event_type": "A", "payload": {"n": 1}}]', null, 'another order'),
        ('append_events by id', '[{"id": "append_events by id", "event_type": "A", "payload": {"n": 1}},
            {"id": "new", "event_type": "Second", "payload": {"n": 1}}]', null, 'only some known'),
        ('append_events by key', '[{"event_type": "Second", "payload": {"n": 1}}, {"event_type": "A", "payload": {"n": 1}}]',
            'append_events by key', 'another order'),
        ('append_events by key', '[{"event_type": "A", "payload": {"n": 1}}]', 'append_events by key', 'only some of them')
) as e (way, events, key, what)
join way as w on w.name = e.way;

-- an id of another stream in the same leaf; a key belongs to its stream
select is(
    pg_temp.code(format('select pg_temp.call(%L, ''id'', %L, ''other'')', w.function, w.name)),
    'SE007',
    format('%s: the id stands in another stream of the same leaf', w.name)
)
from way as w
where w.known_by = 'id';

-- after a delete
update esdb.streams set deleted_at = now();
select results_eq(
    format('select r.* from pg_temp.call(%L, %L, %L, %L, expected => %s) as r',
        w.function, w.known_by, w.name, w.name, t.expected),
    format('select id, version, position, timestamp from first_result where way = %L', w.name),
    format('%s: after a delete, expected_version %s', w.name, t.expected)
)
from way as w
cross join (
    values
        ('null'),
        ('2')
) as t (expected);
update esdb.streams set deleted_at = null;

select results_eq(
    'select count(*), (select jsonb_object_agg(s.aggregate_id, s.version) from esdb.streams as s) from esdb.events',
    'select events, versions from before',
    'nothing of all this wrote anything'
);

-- after the retention: a key is forgotten, and a call with it a plain append
update esdb.idempotency_keys set created_at = now() - interval '7 days 1 second';
select is(r.version, f.version + 1, format('%s: after the retention a plain append', w.name))
from way as w
cross join lateral (select max(e.version) as version from esdb.events as e where e.aggregate_id = w.name) as f
cross join lateral (select min(c.version) as version from pg_temp.call(w.function, w.known_by, w.name, w.name) as c) as r
where w.known_by = 'key';
select set_eq(
    $$select aggregate_id collate "default", first_version::bigint from esdb.idempotency_keys$$,
    $$values ('append_event by key', 3::bigint), ('append_events by key', 4)$$,
    'and the key then names that one'
);

select * from finish();
