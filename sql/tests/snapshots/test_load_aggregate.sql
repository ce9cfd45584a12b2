-- load_aggregate() gives the newest usable snapshot and the events after it: always what the whole stream amounts to.
select plan(43);

create temporary table appended as
select a.* from generate_series(1, 12) as n,
    lateral (select r.* from esdb.append_event('s', 'T', jsonb_build_object('n', n), n - 1, 'n', 'm', metadata => '{"user_id": "u"}') as r) as a;
select count(*) from (values (4), (8), (12)) as v (version),
    lateral (select esdb.save_snapshot('s', v.version, to_jsonb(v.version * 100))) as saved;

create function pg_temp.loaded(at_version bigint, as_of timestamptz)
returns text
language plpgsql
as $$
begin
    return (
        select format('%s from %s (%s) and %s', l.version, coalesce(l.snapshot_version::text, '-'), coalesce(l.snapshot_state::text, '-'),
            coalesce((select string_agg(e.value ->> 'version', ' ' order by e.place)
                from jsonb_array_elements(l.events) with ordinality as e (value, place)), '-'))
        from esdb.load_aggregate('s', at_version, as_of) as l
    );
exception
    when others then
        return sqlstate;
end
$$;
select is(pg_temp.loaded(asked.at_version, (select e.timestamp from appended as e where e.version = asked.as_of)), asked.wanted,
    format('at version %s, as of version %s', coalesce(asked.at_version::text, 'null'), coalesce(asked.as_of::text, 'null')))
from (
    values
        (null::bigint, null::bigint, '12 from 12 (1200) and -'),
        (12, null, '12 from 12 (1200) and -'),
        (13, null, '12 from 12 (1200) and -'),
        (9223372036854775807, null, '12 from 12 (1200) and -'),
        (11, null, '11 from 8 (800) and 9 10 11'),
        (8, null, '8 from 8 (800) and -'),
        (7, null, '7 from 4 (400) and 5 6 7'),
        (3, null, '3 from - (-) and 1 2 3'),
        (0, null, '0 from - (-) and -'),
        (-1, null, 'SE009'),
        (null, 12, '12 from 12 (1200) and -'),
        (null, 10, '10 from 8 (800) and 9 10'),
        (null, 8, '8 from 8 (800) and -'),
        (null, 2, '2 from - (-) and 1 2'),
        (6, 10, '6 from 4 (400) and 5 6'),
        (10, 6, '6 from 4 (400) and 5 6')
) as asked (at_version, as_of, wanted);
select is(pg_temp.loaded(null, '-infinity'), '0 from - (-) and -', 'before the first event there was nothing');
select is(pg_temp.loaded(null, 'infinity'), '12 from 12 (1200) and -', 'infinity is now');
select is((select count(*) from esdb.load_aggregate('s')), 1::bigint, 'one row');
select is(aggregate_id, 's', 'with the aggregate_id') from esdb.load_aggregate('s');
select esdb.append_event('s', 'T', '{"n": 13}', 12);
select is(pg_temp.loaded(null, null), '13 from 12 (1200) and 13', 'the next append comes after the snapshot');
select is(events -> 0, (select to_jsonb(e) from esdb.read_stream('s', 13) as e), 'an event has all columns of events')
from esdb.load_aggregate('s');
select is(array(select jsonb_object_keys(events -> 0) order by 1), array(
    select a.attname::text from pg_attribute as a where a.attrelid = 'esdb.events'::regclass and a.attnum > 0 order by 1
), 'and no other') from esdb.load_aggregate('s');
-- a snapshot beyond the stream can come from a restore; it is not used
insert into esdb.snapshots (aggregate_id, version, state) values ('s', 99, '0');
select is(pg_temp.loaded(null, null), '13 from 12 (1200) and 13', 'a snapshot ahead of the stream is not used');
select is((select g.version::bigint from esdb.get_snapshot('s') as g), 12::bigint, 'nor given');
delete from esdb.snapshots where version = 99;

select results_eq($$select aggregate_id, version, snapshot_version, snapshot_state, events from esdb.load_aggregate('none')$$,
    $$values ('none', 0::bigint, null::bigint, null::jsonb, '[]'::jsonb)$$, 'an unknown stream is version 0 of nothing');
select results_eq($$select version, events from esdb.load_aggregate('none', 5, now())$$,
    $$values (0::bigint, '[]'::jsonb)$$, 'whatever the version and time asked for');
select results_eq($$select version, events from esdb.load_aggregate('')$$, $$values (0::bigint, '[]'::jsonb)$$, 'so is the empty name');
select throws_ok('select * from esdb.load_aggregate(null)', 'SE009', null, 'null is no stream');
select throws_ok($$select * from esdb.load_aggregate('none', -1)$$, 'SE009', null, 'nor is -1 a version of none');

-- more events than read_stream() gives a page
select count(*) from generate_series(1, 3) as batch, lateral (
    select esdb.append_events('long', (
        select jsonb_agg(jsonb_build_object('event_type', 'T', 'payload', jsonb_build_object('batch', batch, 'n', n))) from generate_series(1, 1000) as n
    ), bounded_context => 'n', group_context => 'm')) as a;
select results_eq($$select version, jsonb_array_length(events) from esdb.load_aggregate('long')$$, 'values (3000::bigint, 3000)', 'a long stream is whole');
select is((events -> 2999 ->> 'version')::bigint, 3000::bigint, 'and in order') from esdb.load_aggregate('long');

-- state and events are of one moment, the statement's
begin;
select esdb.append_event('s', 'T', '{"n": 14}', 13);
select is(pg_temp.loaded(null, null), '14 from 12 (1200) and 13 14', 'a transaction loads what it has appended');
select esdb.save_snapshot('s', 14, '1400');
select is(pg_temp.loaded(null, null), '14 from 14 (1400) and -', 'and what it has saved');
rollback;
select is(pg_temp.loaded(null, null), '13 from 12 (1200) and 13', 'undone, it is gone');
select is(
    (select p.provolatile from pg_proc as p where p.oid = to_regprocedure(f.name)), 's'::"char", f.name || ' is STABLE'
)
from (
    values
        ('esdb.load_aggregate(text,bigint,timestamptz)'),
        ('esdb.get_snapshot(text,bigint,timestamptz)'),
        ('esdb._version_as_of(esdb.streams,timestamptz)')
) as f (name);

update esdb.streams set deleted_at = '2026-01-01 00:00:00+00' where aggregate_id = 's';
select throws_ok(format('select * from esdb.load_aggregate(''s'', %s)', arguments), 'SE002', 'stream is deleted: s', 'a deleted stream: ' || arguments)
from (
    values
        ('null'),
        ('3'),
        ('null, ''-infinity''')
) as a (arguments);
update esdb.streams set deleted_at = null where aggregate_id = 's';
select is(pg_temp.loaded(null, null), '13 from 12 (1200) and 13', 'one that is back loads again');
select is_empty('select from esdb.load_aggregate(''s'') where events is null or version is null', 'nothing is null that a program counts on');

select * from finish();
