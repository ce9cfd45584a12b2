-- A plain batch draws its positions before it has the rows of its streams: it goes on with a stream only if that stood
-- before its first event then, or a batch before it has brought it there.
select plan(14);
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

select version from esdb.append_event('a', 'Happened', '{}', 0, 'b', 'm');

select stage('a', array[2, 4]);
select is(esdb._import_own_heads(), false, 'a gap in a stream is not plain');
select stage('a', array[3, 2]);
select is(esdb._import_own_heads(), false, 'nor is a step back');
select stage('a', array[2, 3]);
update esdb_import_events set position = 9 where number = 1;
select is(esdb._import_own_heads(), false, 'nor are positions that descend');
select stage('a', array[2, 3]);
update esdb_import_events set aggregate_type = 'note' where number = 2;
select is(esdb._import_own_heads(), false, 'nor are two types of one stream');

select stage('a', array[1, 2]);
select is(esdb._import_own_heads(), true, 'events that follow each other are plain');
select is(own_xid, null, 'but not what is there already: nothing is drawn') from esdb._import_reserve(0);
select stage('a', array[2, 3]);
select is(esdb._import_own_heads(), true, 'what goes on with a stream is plain, too');
select is(own_xid, null, 'but not behind a position as high') from esdb._import_reserve(1);
select isnt(own_xid, null, 'a stream that stands is gone on with') from esdb._import_reserve(0);
select lives_ok(
    $$do 'begin perform esdb._import_write(); perform esdb._import_continue(''{}''); end'$$, 'and written');
select is(esdb.stream_version('a'), 3::bigint, 'to the last event');

-- version 4 is given while the batch is written
select stage('a', array[5]);
select esdb._import_own_heads();
select own_xid is not null from esdb._import_reserve(0);
select version from esdb.append_event('a', 'Happened', '{}');
update esdb_import_events set timestamp = clock_timestamp();
select esdb._import_own_heads();
select throws_ok($$select esdb._import_continue('{}')$$, '40001', null, 'an append''s event may have a higher position');
select lives_ok(
    $$select esdb._import_continue(array[(select xmin from esdb.streams where aggregate_id = 'a')])$$,
    'that of a batch that drew before has not');
select is(esdb.stream_version('a'), 5::bigint, 'the stream has moved');

select * from finish();
rollback;
