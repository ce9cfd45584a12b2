-- read_stream() and get_event() never take an archive for the end of a stream: they raise SE013 where a month that they
-- need is archived, and nowhere else.
select plan(47);

-- versions 1-2 two months before the newest, 3-5 in the one before, 6-7 in the newest; an event's id is 'id-' and its version
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
select esdb._raise_newest_month(max(timestamp)) from spread;

-- puts the archives in place of those that there were: months by their number (-1, 0, 1)
create function pg_temp.archive(months integer[], state text, context text default 'n', event_count bigint default 1)
returns void
language sql
as $$
delete from esdb.archives;
delete from esdb.seals;
insert into esdb.seals
    (number, bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest)
select m.n, context, esdb._utc_month(now(), m.month), esdb._utc_month(now(), m.month + 1), event_count,
    case when event_count > 0 then 1 end, case when event_count > 0 then 1 end, '', ''
from unnest(months) with ordinality as m (month, n);
insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)
select context, esdb._utc_month(now(), m.month), 'leaf of month ' || m.month, '/archives', state, false,
    case when state = 'archived' then now() end
from unnest(months) as m (month);
select esdb._raise_sequence(
    'esdb.archived_until'::regclass, date_part('epoch', max(esdb._utc_month(now(), m.month + 1)))::bigint)
from unnest(months) as m (month)
where state <> 'archiving';
$$;

-- the versions read, or the error
create function pg_temp.versions(
    from_version bigint,
    to_version bigint,
    max_count integer,
    backward boolean,
    skip_archived boolean,
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
            from esdb.read_stream(
                's', from_version, to_version, max_count, backward, as_of, skip_archived => versions.skip_archived) as r
        ) as e
    );
exception
    when sqlstate 'SE013' then
        return sqlstate || ' ' || substr(sqlerrm, 44);
end
$$;

-- the event's version, or the error
create function pg_temp.event(id text, aggregate_id text default null)
returns text
language plpgsql
as $$
begin
    return coalesce((select e.version::text from esdb.get_event(event.id, event.aggregate_id) as e), 'none');
exception
    when sqlstate 'SE013' then
        return sqlstate || ' ' || substr(sqlerrm, 44);
end
$$;

create function pg_temp.asked()
returns table (
    months integer[], from_version bigint, to_version bigint, max_count integer, backward boolean, skip_archived boolean,
    as_of bigint, wanted text
)
language sql
as $$
values
    (array[-1], 1::bigint, null::bigint, 1000, false, false, null::bigint, 'SE013 leaf of month -1'),
    (array[-1], 2, 2, 1000, false, false, null, 'SE013 leaf of month -1'),
    (array[-1], 1, null, 1000, true, false, null, 'SE013 leaf of month -1'),
    (array[-1], 1, null, 6, true, false, null, 'SE013 leaf of month -1'),
    -- what lies behind the archive, or a page that ends before it
    (array[-1], 3, null, 1000, false, false, null, '3 4 5 6 7'),
    (array[-1], 3, 5, 1000, false, false, null, '3 4 5'),
    (array[-1], 1, null, 5, true, false, null, '7 6 5 4 3'),
    (array[-1], 6, null, 1000, false, false, null, '6 7'),
    (array[-1, 0], 3, null, 1000, false, false, null, 'SE013 leaf of month 0'),
    (array[-1, 0], 1, null, 1, true, false, null, '7'),
    (array[0], 1, null, 2, false, false, null, '1 2'),
    (array[0], 1, null, 3, false, false, null, 'SE013 leaf of month 0'),
    (array[0], 1, null, 3, true, false, null, 'SE013 leaf of month 0'),
    -- as of a time only the months until then are needed
    (array[0], 1, null, 1000, false, false, 2, '1 2'),
    (array[0], 1, null, 1000, true, false, 2, '2 1'),
    (array[0], 1, null, 1000, false, false, 3, 'SE013 leaf of month 0'),
    (array[-1], 1, null, 1, true, false, 5, '5'),
    (array[-1], 1, null, 4, true, false, 5, 'SE013 leaf of month -1'),
    (array[-1], 1, null, 1, true, false, 7, '7'),
    (array[-1], 1, null, 1000, true, false, 7, 'SE013 leaf of month -1'),
    -- a stream that is archived to its end
    (array[-1, 0, 1], 7, null, 1000, false, false, null, 'SE013 leaf of month 1'),
    (array[-1, 0, 1], 8, null, 1000, false, false, null, 'none'),
    -- skipped: the page is filled from what is left
    (array[-1], 1, null, 1000, false, true, null, '3 4 5 6 7'),
    (array[-1], 1, null, 2, false, true, null, '3 4'),
    (array[-1], 1, 2, 1000, false, true, null, 'none'),
    (array[0], 1, null, 3, false, true, null, '1 2 6'),
    (array[0], 3, null, 1, false, true, null, '6'),
    (array[0], 1, null, 3, true, true, null, '7 6 2'),
    (array[0], 1, null, 1, true, true, 5, '2'),
    (array[0, 1], 1, null, 1000, true, true, null, '2 1'),
    (array[-1, 0, 1], 1, null, 1000, false, true, null, 'none'),
    (array[-1, 0, 1], 7, null, 1, false, true, null, 'none')
$$;

create temporary table answered as
select a.*, null::text as answer from pg_temp.asked() as a;
do $$
declare
    _asked record;
begin
    for _asked in select a.ctid, a.* from answered as a loop
        perform pg_temp.archive(_asked.months, 'detaching');
        update answered as a
        set answer = pg_temp.versions(
            _asked.from_version, _asked.to_version, _asked.max_count, _asked.backward, _asked.skip_archived,
            (select s.timestamp from spread as s where s.version = _asked.as_of))
        where a.ctid = _asked.ctid;
    end loop;
end
$$;
select is(a.answer, a.wanted,
    format('%s archived: from %s to %s, at most %s%s%s%s', a.months, a.from_version, coalesce(a.to_version::text, 'the newest'),
        a.max_count, case when a.backward then ', backward' else '' end, ', as of version ' || a.as_of,
        case when a.skip_archived then ', skipping' else '' end))
from answered as a
order by a.ctid;

select pg_temp.archive('{-1}', 'archiving');
select is(pg_temp.versions(1, null, 1000, false, false), '1 2 3 4 5 6 7', 'while the file is written, the table is read');
select is(pg_temp.event('nix'), 'none', 'and no id can be missing');
select pg_temp.archive('{-1, 0}', 'archived', 'b');
select is(pg_temp.versions(1, null, 1000, false, false), '1 2 3 4 5 6 7', 'another context''s archive is no hindrance');
select is(pg_temp.event('nix', 's'), 'none', 'nor for an id of the stream');
select is(pg_temp.event('nix'), 'SE013 leaf of month -1', 'but an id without a stream may be there');
select pg_temp.archive('{-1}', 'archived', 'n', 0);
select is(pg_temp.event('nix'), 'none', 'an empty partition''s archive holds no id');

select pg_temp.archive('{-1}', 'archived');
select is(pg_temp.event('id-3', 's'), '3', 'an event that is not archived is found in its stream');
select is(pg_temp.event('id-3'), '3', 'and without its stream');
select is(pg_temp.event('nix', 's'), 'SE013 leaf of month -1', 'one that is not found may be in the stream''s archive');
select is(pg_temp.event('nix', 'no such stream'), 'none', 'a stream that does not exist has no archive');
select is(pg_temp.event('01ARZ3NDEKTSV4RRFFQ69G5FAV'), 'SE013 leaf of month -1', 'a ULID may be older than its event');
create temporary table appended as
select a.id from esdb.append_event('t', 'T', '{}', bounded_context => 'n', group_context => 'm') as a;
select is((select pg_temp.event(a.id) from appended as a), '1', 'a ULID whose event is there is found');
select is(pg_temp.event('nix', 't'), 'none', 'a stream younger than the archive is not in it');

create function pg_temp.detail()
returns jsonb
language plpgsql
as $$
declare
    _detail text;
begin
    perform from esdb.read_stream('s');
    return null;
exception
    when sqlstate 'SE013' then
        get stacked diagnostics _detail = pg_exception_detail;
        return _detail;
end
$$;
select is(
    pg_temp.detail() - '{from,to,min_position,max_position}'::text[],
    '{"partition": "leaf of month -1", "location": "/archives", "bounded_context": "n"}',
    'the error names the archive');
select is(
    (select string_agg(r.version::text, ' ') from esdb.read_stream('s', include_deleted => true, from_version => 3) as r),
    '3 4 5 6 7', 'a range behind the archive is read');

select * from finish();
