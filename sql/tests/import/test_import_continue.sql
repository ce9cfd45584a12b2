-- A plain batch draws its positions before it has the rows of its streams: it goes on with a stream only if that stood
-- before its first event then, or a batch before it has brought it there.
select plan(19);
begin;

create function stage(
    aggregate_id text,
    versions bigint[]
)
returns void
language plpgsql
as $$
begin
    perform esdb._import_begin();
    insert into esdb_import_events
    select n, n, aggregate_id || '.' || v, 'b', 'm', 'u', 'update', 'bookmark', aggregate_id, 'Happened', 1, v,
        clock_timestamp(), null, '{}', null, 'app'
    from unnest(versions) with ordinality as u (v, n);
end
$$;

create function is_plain()
returns boolean
language sql
as $$
select case when esdb._import_steps() then esdb._import_own_heads() else false end
$$;

create temporary table drawn (positions bigint[]);

create function reserve(
    after_position bigint
)
returns boolean
language sql
as $$
with reserved as (
    select r.own_xid, r.positions from esdb._import_reserve(after_position) as r
),
kept as (
    insert into drawn
    select r.positions from reserved as r where r.own_xid is not null
)
select r.own_xid is not null from reserved as r
$$;

select version from esdb.append_event('a', 'Happened', '{}', 0, 'b', 'm');

select stage('a', array[2, 4]);
select is(is_plain(), false, 'a gap in a stream is not plain');
select stage('a', array[3, 2]);
select is(is_plain(), false, 'nor is a step back');
select stage('a', array[2, 3]);
update esdb_import_events set position = 9 where number = 1;
select is(is_plain(), false, 'nor are positions that descend');
select stage('a', array[2, 3]);
update esdb_import_events set aggregate_type = 'note' where number = 2;
select is(is_plain(), false, 'nor are two types of one stream');

select stage('a', array[1, 2]);
select is(is_plain(), true, 'events that follow each other are plain');
select is(reserve(0), false, 'but not what is there already: nothing is drawn');
select stage('a', array[2, 3]);
select is(is_plain(), true, 'what goes on with a stream is plain, too');
select is(reserve(1), false, 'but not behind a position as high');
select is(reserve(0), true, 'a stream that stands is gone on with');
select lives_ok(
    $$select esdb._import_write_streams(), esdb._import_write(positions), esdb._import_continue('{}') from drawn$$,
    'and written');
select is(esdb.stream_version('a'), 3::bigint, 'to the last event');
select is(
    (select array_agg(position order by version) from esdb.events where aggregate_id = 'a' and version > 1),
    (select positions from drawn), 'at the positions that were drawn, in the order of the lines');

select stage('b', array[1, 2]);
update esdb_import_events set timestamp = '1969-12-31 23:59:59+00' where number = 1;
select is(is_plain(), false, 'what is before 1970 is not plain');
update esdb_import_events set timestamp = clock_timestamp() + interval '2 days';
select is(is_plain(), false, 'nor is what is yet to come');

-- three months at once, then one more month
select stage('b', array[1, 2, 3, 4]);
update esdb_import_events set timestamp = '2001-01-31 00:00:00+00'::timestamptz + number * interval '20 days';
select is_plain();
select esdb._import_write_streams(), esdb._import_continue('{}');
select stage('b', array[5, 6]);
update esdb_import_events set timestamp = '2001-05-01 00:00:00+00';
select is_plain(), esdb._import_stand();
select esdb._import_continue('{}');
select results_eq(
    $$select month, first_version::bigint from esdb.stream_months where aggregate_id = 'b' order by month$$,
    $$values ('2001-03-01 00:00:00+00'::timestamptz, 2::bigint), ('2001-04-01 00:00:00+00', 3), ('2001-05-01 00:00:00+00', 5)$$,
    'the months that a stream enters are noted');
select is((select month_version::bigint from esdb.streams where aggregate_id = 'b'), 5::bigint, 'so is the last of them');

-- version 4 is given while the batch is written
select stage('a', array[5]);
select is_plain();
select reserve(0);
select version from esdb.append_event('a', 'Happened', '{}');
update esdb_import_events set timestamp = clock_timestamp();
select is_plain();
select throws_ok($$select esdb._import_continue('{}')$$, '40001', null, 'an append''s event may have a higher position');
select lives_ok(
    $$select esdb._import_continue(array[(select xmin from esdb.streams where aggregate_id = 'a')])$$,
    'that of a batch that drew before has not');
select is(esdb.stream_version('a'), 5::bigint, 'the stream has moved');

select * from finish();
rollback;
