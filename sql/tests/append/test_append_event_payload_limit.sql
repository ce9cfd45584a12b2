-- A payload over max_payload_bytes is refused with SE010; the limit is the setting's.
select plan(21);

-- the JSON text {"a": "…"} has 9 bytes around the value
create function pg_temp.payload(bytes integer)
returns jsonb
language sql
as $$select jsonb_build_object('a', repeat('x', bytes - 9))$$;

select is(octet_length(pg_temp.payload(1048576)::text), 1048576, 'a payload of exactly 1 MB');
select lives_ok(
    $$select esdb.append_event('s', 'T', pg_temp.payload(1048576), 0, 'n', 'm')$$, 'is taken'
);
select refused(
    $$select esdb.append_event('s', 'T', pg_temp.payload(1048577))$$,
    'SE010', '1048577 bytes of JSON text; max_payload_bytes is 1048576', 'one byte more is not'
);
select throws_ok(
    $$select esdb.append_event('s', 'T', pg_temp.payload(2000000))$$,
    'SE010', 'payload too large: 2000000 bytes', 'MESSAGE tells the size'
);
select refused(
    $$select esdb.append_event('s', 'T', jsonb_build_object('a', repeat('ä', 524288)))$$,
    'SE010', '1048585 bytes%', 'bytes count, not characters'
);
select lives_ok(
    $$select * from esdb.append_events('s', jsonb_build_array(jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(1048576))))$$,
    'append_events() takes a payload of 1 MB'
);
select refused(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb),
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(1048577))))$$,
    'SE010', 'event 2: 1048577 bytes%', 'append_events() names the event that is too large'
);
select lives_ok(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(700000)),
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(700000))))$$,
    'the limit is an event''s, not the call''s'
);

create temporary table documents as
select pg_temp.payload(5000000) as payload;
select refused(
    $$select esdb.append_event('s', 'T', d.payload) from documents as d$$,
    'SE010', '5000000 bytes%', 'a payload that is stored compressed counts in full'
);

create function pg_temp.numbers(count integer)
returns jsonb
language sql
as $$select jsonb_build_object('a', jsonb_agg(1e120000)) from generate_series(1, count)$$;

select refused(
    $$select esdb.append_event('s', 'T', pg_temp.numbers(9))$$,
    'SE010', '1080034 bytes%', 'a number counts with all its digits'
);
select refused(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.numbers(9))))$$,
    'SE010', 'event 1: 1080034 bytes%', 'in append_events(), too'
);
select refused(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(9000)),
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.numbers(9))))$$,
    'SE010', 'event 2: 1080034 bytes%', 'beside a larger one that is within the limit'
);
select throws_ok(
    $$select esdb.append_event('s', 'T', pg_temp.numbers(9000))$$,
    'SE010', 'payload too large: 1073741824 bytes', 'what no text can hold is refused'
);
select throws_ok(
    $$select esdb.append_event('s', 'T', '{}', metadata => pg_temp.numbers(9))$$,
    'SE010', 'metadata too large: 1080034 bytes', 'metadata has the same limit'
);
select throws_ok(
    $$select * from esdb.append_events('s', '[{"event_type": "T", "payload": {}}]', metadata => pg_temp.numbers(9))$$,
    'SE010', 'metadata too large: 1080034 bytes', 'that of a call'
);
select throws_ok(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb, 'metadata', pg_temp.numbers(9))))$$,
    'SE010', 'metadata too large: 1080034 bytes', 'and that of an event'
);

update esdb.settings set value = '3000' where name = 'max_payload_bytes';
select refused(
    $$select esdb.append_event('s', 'T', pg_temp.payload(3001))$$,
    'SE010', '3001 bytes of JSON text; max_payload_bytes is 3000', 'a lower setting is a lower limit'
);
select lives_ok($$select esdb.append_event('s', 'T', pg_temp.payload(3000))$$, 'up to which payloads are taken');
select lives_ok(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(2900)),
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(3000))))$$,
    'those of a batch, too'
);
select refused(
    $$select * from esdb.append_events('s', jsonb_build_array(
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(3000)),
        jsonb_build_object('event_type', 'T', 'payload', pg_temp.payload(3001))))$$,
    'SE010', 'event 2: 3001 bytes of JSON text; max_payload_bytes is 3000', 'and no larger ones'
);
update esdb.settings set value = '2000000' where name = 'max_payload_bytes';
select lives_ok($$select esdb.append_event('s', 'T', pg_temp.payload(2000000))$$, 'a higher one a higher limit');

select * from finish();
