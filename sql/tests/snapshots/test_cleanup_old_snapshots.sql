-- cleanup_old_snapshots() keeps each aggregate's newest and all that are young, in batches of whatever size.
select plan(39);

-- aggregates of 1, 2, … 12 snapshots whose versions have gaps and begin anywhere; the odd ones of each are young
create temporary table wanted as
select 'a' || count || case when count % 3 = 0 then e'\x01' else '' end as aggregate_id, count, count * count + n * 7 as version, n
from generate_series(1, 12) as count, lateral generate_series(1, count) as n;
insert into esdb.streams
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
select distinct aggregate_id, 'note', 'n', 'm', 1000, 1, now(), now() from wanted;

create function pg_temp.fill()
returns void
language sql
as $$
truncate esdb.snapshots;
insert into esdb.snapshots (aggregate_id, version, state, timestamp)
select aggregate_id, version, '{}', case when n % 2 = 1 then now() - interval '1 day' else now() - interval '40 days' end
from wanted
order by md5(aggregate_id || version)
$$;

-- what a cleanup must leave, by another way
create function pg_temp.expected(keep integer, older_than interval)
returns table (aggregate_id text, version bigint)
language sql
as $$
select w.aggregate_id, w.version::bigint
from wanted as w
where w.count - w.n < keep
    or case when w.n % 2 = 1 then interval '1 day' else interval '40 days' end <= older_than
$$;
create view pg_temp.left_over as select aggregate_id collate "default" as aggregate_id, version::bigint as version from esdb.snapshots;
create table public.removed (n bigint);

create function pg_temp.cleaned(keep integer, older_than interval)
returns text
language plpgsql
as $$
declare
    _total bigint;
    _removed bigint;
begin
    perform pg_temp.fill();
    _total := (select count(*) from esdb.snapshots);
    _removed := esdb.cleanup_old_snapshots(keep, older_than);
    return format('%s removed, %s wrong', _removed = _total - (select count(*) from esdb.snapshots), (
        select count(*)
        from pg_temp.left_over as l
        full join pg_temp.expected(coalesce(keep, 5), coalesce(older_than, '30 days')) as e
            on e.aggregate_id = l.aggregate_id and e.version = l.version
        where l.version is null or e.version is null));
end
$$;
select is(pg_temp.cleaned(c.keep, c.older_than::interval), 't removed, 0 wrong',
    format('keep %s, older than %s', coalesce(c.keep::text, 'null'), coalesce(c.older_than, 'null')))
from (
    values
        (null::integer, null::text),
        (5, '30 days'),
        (1, '30 days'),
        (1, '0'),
        (3, '0'),
        (3, '12 hours'),
        (3, '100 days'),
        (12, '0'),
        (2147483647, '0'),
        (1, '178000000 years'),
        (1, '1000000 hours')
) as c (keep, older_than);

-- batches of every size remove the same
create function pg_temp.in_batches(size integer)
returns text
language plpgsql
as $$
declare
    _place record;
    _calls integer := 1;
    _removed bigint;
begin
    perform pg_temp.fill();
    select b.* into _place from esdb._cleanup_snapshots(3, '0', batch_size => size) as b;
    _removed := _place.removed;
    while _place.aggregate_id is not null loop
        select b.* into _place
        from esdb._cleanup_snapshots(3, '0', _place.aggregate_id, _place.version, size) as b;
        _removed := _removed + _place.removed;
        _calls := _calls + 1;
    end loop;
    return format('%s removed in %s calls, %s wrong', _removed, _calls, (
        select count(*)
        from pg_temp.left_over as l
        full join pg_temp.expected(3, '0') as e on e.aggregate_id = l.aggregate_id and e.version = l.version
        where l.version is null or e.version is null));
end
$$;
select is(pg_temp.in_batches(b.size), format('45 removed in %s calls, 0 wrong', b.calls), format('batches of %s', b.size))
from (
    values
        (1, 79),
        (2, 40),
        (3, 27),
        (7, 12),
        (77, 2),
        (78, 2),
        (79, 1),
        (1000, 1)
) as b (size, calls);

-- the settings are the defaults
select pg_temp.fill();
select esdb.set_setting('snapshots_kept', '12');
select is(esdb.cleanup_old_snapshots(), 0::bigint, 'snapshots_kept holds');
select esdb.set_setting('snapshots_kept', '1');
select esdb.set_setting('snapshot_retention', '50 days');
select is(esdb.cleanup_old_snapshots(), 0::bigint, 'snapshot_retention holds');
select esdb.set_setting('snapshot_retention', '1 hour');
select is(esdb.cleanup_old_snapshots(), 66::bigint, 'each leaves one of each');
select results_eq('select aggregate_id, version from pg_temp.left_over order by 1, 2',
    'select aggregate_id, max(version)::bigint from wanted group by aggregate_id order by 1', 'the newest, even where it is old');
select is(esdb.cleanup_old_snapshots(), 0::bigint, 'again, there is nothing to do');

-- what has been saved anew is young
select pg_temp.fill();
select esdb.save_snapshot(aggregate_id, version, '{}') from wanted where count = 12 and n = 2;
select esdb.cleanup_old_snapshots(1, '30 days');
select isnt_empty('select from esdb.snapshots as s join wanted as w using (aggregate_id, version) where w.count = 12 and w.n = 2', 'a snapshot replaced today stays');
truncate esdb.snapshots;
select is(esdb.cleanup_old_snapshots(), 0::bigint, 'nothing in an empty table');
select is(b.removed, 0::bigint, 'nor by a batch') from esdb._cleanup_snapshots() as b;

select throws_ok(format('select esdb.cleanup_old_snapshots(%s)', arguments), 'SE009', null, 'refused: ' || arguments)
from (
    values
        ('0'),
        ('-1'),
        ('older_than => ''-1 second'''),
        ('older_than => ''1 month -40 days'''),
        ('keep => 0, older_than => ''1 day''')
) as a (arguments);
select throws_ok($$select esdb._cleanup_snapshots(0)$$, 'SE009', null, 'by a batch too');
select throws_ok($$select esdb._cleanup_snapshots(older_than => '-1 day')$$, 'SE009', null, 'and a negative age');
select throws_ok($$select esdb._cleanup_snapshots(batch_size => -1)$$, 'SE009', null, 'and a negative size');

-- from whatever place a batch begins, the newest stays
select pg_temp.fill();
create temporary table newest as
select n.aggregate_id, max(n.version)::bigint as version from esdb.snapshots as n group by n.aggregate_id;
select lives_ok(
    $$select b.removed
    from newest as w
    cross join generate_series(0, 1) as beyond (n)
    cross join lateral esdb._cleanup_snapshots(1, '0', w.aggregate_id, w.version + beyond.n) as b$$,
    'a place that nobody was given is taken'
);
select results_eq(
    'select n.aggregate_id, max(n.version)::bigint from esdb.snapshots as n group by n.aggregate_id order by 1',
    'select w.aggregate_id, w.version from newest as w order by 1',
    'and the newest are all there'
);
select isnt_empty('select from newest', 'there were some');
select is((select count(*) from wanted), 78::bigint, 'there were that many');

select * from finish();
