-- get_snapshot() gives the newest snapshot, of a version or of a time of the events; _version_as_of() finds that version.
select plan(36);

-- a stream over three months, every fourth event at the time of the one before
create temporary table spread as
select
    v as version,
    esdb._utc_month(now(), case when v <= 7 then -1 when v <= 8 then 0 else 1 end)
        + (v - case when v % 4 = 0 and v not in (8) then 1 else 0 end) * interval '1 hour' as timestamp
from generate_series(1, 30) as v;
insert into esdb.events
    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
     version, timestamp, payload)
select nextval('esdb.event_position'), 'id-' || version, 'n', 'm', 'u', 'update', 'note', 's', 'T', version, timestamp, '{}'
from spread
order by version;
insert into esdb.streams
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
select 's', 'note', 'n', 'm', 30, 9, min(timestamp), max(timestamp) from spread;
insert into esdb.stream_months (aggregate_id, month, first_version)
select 's', esdb._utc_month(timestamp), version from spread where version in (8, 9);
-- neighbours in the same leaves
select esdb.append_event('r', 'T', '{}', 0, 'n', 'm');
select esdb.append_event('t', 'T', '{}', 0, 'n', 'm');

create temporary table asked as
select distinct s.timestamp + d * interval '1 microsecond' as at
from spread as s
cross join (values (-1), (0), (1)) as o (d)
union
select esdb._utc_month(now(), m) from generate_series(-2, 3) as m
union
select x.at from (values ('infinity'::timestamptz), ('-infinity')) as x (at);
select cmp_ok((select count(*) from asked), '>', 60::bigint, 'times at, before and after each event');
select is_empty(
    $$select a.at, esdb._version_as_of(s, a.at)
    from asked as a
    join esdb.streams as s on s.aggregate_id = 's'
    where esdb._version_as_of(s, a.at) <> (select count(*) from spread as e where e.timestamp <= a.at)$$,
    'at each of them the version is that of the newest event by then'
);
select is(esdb._version_as_of(s, null), 30::bigint, 'null is now') from esdb.streams as s where s.aggregate_id = 's';

-- what is locked shows which leaves were opened
create view pg_temp.opened as
select c.relname as leaf
from pg_locks as l
join pg_class as c on c.oid = l.relation
join esdb.partitions as p on p.partition = c.relname
where l.pid = pg_backend_pid() and l.locktype = 'relation';
create function pg_temp.opened_for(version bigint, after interval)
returns bigint
language plpgsql
as $$
begin
    perform esdb._version_as_of(s, e.timestamp + after)
    from esdb.streams as s, spread as e
    where s.aggregate_id = 's' and e.version = opened_for.version;
    return (select count(*) from pg_temp.opened);
end
$$;
begin;
select is(pg_temp.opened_for(3, '0'), 1::bigint, 'a time in an old month opens its leaf alone');
commit;
begin;
select is(pg_temp.opened_for(29, '0'), 1::bigint, 'one in the newest month too');
commit;
begin;
select is(pg_temp.opened_for(30, '0'), 0::bigint, 'the newest event''s opens none');
commit;
begin;
select is(pg_temp.opened_for(1, '-1 second'), 0::bigint, 'one before the first event opens none');
commit;

select count(*) from (values (5), (9), (20), (28)) as v (version),
    lateral (select esdb.save_snapshot('s', v.version, to_jsonb(v.version))) as saved;

-- the version of the snapshot found, or the error
create function pg_temp.found(at_version bigint, as_of bigint)
returns text
language plpgsql
as $$
begin
    return coalesce((
        select string_agg(g.version || ' ' || g.state, ', ')
        from esdb.get_snapshot('s', at_version, (select e.timestamp from spread as e where e.version = found.as_of)) as g
    ), 'none');
exception
    when others then
        return sqlstate;
end
$$;
select is(pg_temp.found(asked.at_version, asked.as_of), asked.wanted,
    format('at version %s, as of the time of version %s', coalesce(asked.at_version::text, 'null'), coalesce(asked.as_of::text, 'null')))
from (
    values
        (null::bigint, null::bigint, '28 28'),
        (28, null, '28 28'),
        (27, null, '20 20'),
        (20, null, '20 20'),
        (19, null, '9 9'),
        (5, null, '5 5'),
        (4, null, 'none'),
        (0, null, 'none'),
        (9223372036854775807, null, '28 28'),
        (-1, null, 'SE009'),
        (null, 30, '28 28'),
        (null, 27, '28 28'),
        (null, 26, '20 20'),
        (null, 19, '20 20'),
        (null, 18, '9 9'),
        (null, 9, '9 9'),
        (null, 8, '5 5'),
        (null, 5, '5 5'),
        (null, 4, 'none'),
        (21, 18, '9 9'),
        (8, 29, '5 5')
) as asked (at_version, as_of, wanted);
select is_empty($$select * from esdb.get_snapshot('s', as_of => (select min(timestamp) - interval '1 year' from spread))$$, 'none before the first event');
-- all were saved today, and the events are of other days
select is(g.version::bigint, 28::bigint, 'as of the end of time') from esdb.get_snapshot('s', as_of => 'infinity') as g;

select is_empty($$select * from esdb.get_snapshot('r')$$, 'no row for a stream without one');
select is_empty($$select * from esdb.get_snapshot('none')$$, 'nor for no stream');
select throws_ok($$select * from esdb.get_snapshot(null)$$, 'SE009', null, 'null is no stream');
update esdb.streams set deleted_at = now() where aggregate_id = 's';
select is_empty($$select * from esdb.get_snapshot('s')$$, 'nor for a deleted one');
update esdb.streams set deleted_at = null where aggregate_id = 's';
select isnt_empty($$select * from esdb.get_snapshot('s')$$, 'a stream that is back has it again');
select is((select count(*) from esdb.get_snapshot('s') as g where g.timestamp > now() - interval '1 hour'), 1::bigint, 'the row tells when it was saved');

select * from finish();
