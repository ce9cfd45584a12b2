-- read_stream() finds the events of a stream spread over months, and reads no month it need not.
select plan(34);

-- versions 1-2 two months before the newest, 3-5 in the one before, 6-7 in the newest, all into partitions that exist
create temporary table spread as
select
    v as version,
    esdb._utc_month(now(), case when v <= 2 then -1 when v <= 5 then 0 else 1 end) + v * interval '1 hour' as timestamp
from generate_series(1, 7) as v;
insert into esdb.events
    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
     version, timestamp, payload)
select nextval('esdb.event_position'), 'id-' || version, 'n', 'm', 'u', 'update', 'note', 's', 'T', version, timestamp, '{}'
from spread
order by version;
insert into esdb.streams
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
select 's', 'note', 'n', 'm', 7, 6, min(timestamp), max(timestamp) from spread;
insert into esdb.stream_months (aggregate_id, month, first_version)
select 's', esdb._utc_month(timestamp), version from spread where version in (3, 6);

-- the versions read, or the error
create function pg_temp.versions(
    from_version bigint,
    to_version bigint,
    max_count integer,
    backward boolean,
    as_of timestamptz default null
)
returns text
language plpgsql
as $$
begin
    return (
        select coalesce(string_agg(e.version::text, ' '), 'none')
        from (
            select r.version
            from esdb.read_stream('s', from_version, to_version, max_count, backward, as_of) as r
        ) as e
    );
exception
    when others then
        return sqlstate;
end
$$;

select is(
    pg_temp.versions(
        asked.from_version, asked.to_version, asked.max_count, asked.backward,
        (select timestamp from spread where version = asked.as_of)),
    asked.wanted,
    format('from %s to %s, at most %s%s%s', asked.from_version, coalesce(asked.to_version::text, 'the newest'), asked.max_count,
        case when asked.backward then ', backward' else '' end, ', as of version ' || asked.as_of)
)
from (
    values
        (1::bigint, null::bigint, 1000, false, null::bigint, '1 2 3 4 5 6 7'),
        (1, null, 1000, true, null, '7 6 5 4 3 2 1'),
        (1, 2, 1000, false, null, '1 2'),
        (2, 3, 1000, false, null, '2 3'),
        (3, 5, 1000, false, null, '3 4 5'),
        (3, 5, 1000, true, null, '5 4 3'),
        (5, 6, 1000, false, null, '5 6'),
        (6, null, 1000, false, null, '6 7'),
        (7, 9, 1000, false, null, '7'),
        (8, null, 1000, false, null, 'none'),
        (2, null, 3, false, null, '2 3 4'),
        (1, null, 3, true, null, '7 6 5'),
        (1, 4, 3, true, null, '4 3 2'),
        (1, 0, 1000, false, null, 'none'),
        (1, 0, 1000, true, null, 'none'),
        (5, 2, 1000, false, null, 'none'),
        (5, 4, 1000, false, null, 'none'),
        (4, 2, 1000, true, null, 'none'),
        (1, null, 1000, false, 1, '1'),
        (1, null, 1000, false, 4, '1 2 3 4'),
        (1, null, 1000, true, 4, '4 3 2 1'),
        (1, null, 2, true, 4, '4 3'),
        (1, null, 2, true, 6, '6 5'),
        (4, null, 1000, false, 2, 'none'),
        (6, null, 1000, false, 5, 'none'),
        (6, null, 1000, false, 6, '6')
) as asked (from_version, to_version, max_count, backward, as_of, wanted);

select is((select count(*) from esdb.get_event('id-' || v, 's')), 1::bigint, format('get_event() finds version %s by its stream', v))
from generate_series(1, 7, 2) as v;

-- what is locked shows which leaves a reader has opened
create view pg_temp.opened as
select l.relation::regclass::text as leaf
from pg_locks as l
join esdb.partitions as p on p.partition = (select c.relname from pg_class as c where c.oid = l.relation)
where l.pid = pg_backend_pid() and l.locktype = 'relation';
begin;
select count(*) from esdb.read_stream('s', 3, 5);
select is((select count(*) from pg_temp.opened), 1::bigint, 'a range inside one month opens one leaf');
commit;
begin;
select count(*) from esdb.read_stream('s', 6);
select is((select count(*) from pg_temp.opened), 1::bigint, 'the newest month alone opens one leaf');
commit;
begin;
select count(*) from esdb.read_stream('s');
select is((select count(*) from pg_temp.opened), 3::bigint, 'the whole stream opens its three');
commit;
begin;
select count(*) from esdb.read_stream('none');
select is((select count(*) from pg_temp.opened), 0::bigint, 'a stream that does not exist opens none');
commit;

select * from finish();
