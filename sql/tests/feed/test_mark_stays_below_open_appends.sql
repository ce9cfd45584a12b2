-- The mark never passes a position that an open transaction may still commit; its own events are such positions too.
select plan(16);

select is(esdb.high_water_mark(), 0::bigint, 'the mark of an empty store is 0');
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select esdb.append_event('s', 'T', '{}', 1);
call settle();
select is(esdb.high_water_mark(), 2::bigint, 'the mark is the last position when no append is open');

begin;
select position from esdb.append_event('s', 'T', '{}');
select position from esdb.append_event('s', 'T', '{}');
select is(esdb.high_water_mark(), 2::bigint, 'an open append holds it');
select is((select count(*) from esdb.read_all()), 2::bigint, 'the feed ends there, in the appending transaction too');
select is((select count(*) from esdb.read_all(backward => true)), 2::bigint, 'backward too');
select is((select count(*) from esdb.read_all(up_to_position => 4)), 2::bigint, 'whatever up_to_position says');
select is((select count(*) from esdb.read_all(event_types => array['T'])), 2::bigint, 'and filtered');
select is((select count(*) from esdb.read_stream('s')), 4::bigint, 'read_stream() shows them');
commit;
call settle();
select is(esdb.high_water_mark(), 4::bigint, 'its commit lets it go');
select is((select count(*) from esdb.read_all()), 4::bigint, 'and the feed shows its events');

begin;
select position from esdb.append_event('s', 'T', '{}');
rollback;
call settle();
select is(esdb.high_water_mark(), 5::bigint, 'a rollback lets it go over the gap');
select is((select count(*) from esdb.read_all()), 4::bigint, 'which the feed passes over');

begin;
savepoint before;
select position from esdb.append_event('s', 'T', '{}');
rollback to savepoint before;
call settle();
select is(esdb.high_water_mark(), 6::bigint, 'a rollback to a savepoint lets it go');
select position from esdb.append_event('s', 'T', '{}');
select is(esdb.high_water_mark(), 6::bigint, 'and the next append holds it again');
commit;
call settle();

-- a recorded mark never goes back
begin;
select pg_advisory_xact_lock_shared((29281::bigint << 48) | 1);
select is(esdb.high_water_mark(), 7::bigint, 'a lower position announced late does not bring it back');
commit;
begin transaction read only;
select is(esdb.high_water_mark(), 7::bigint, 'it is found in a read-only transaction');
commit;

select * from finish();
