-- What the checks of `esdb health ready` say of a store that is well, and of one that is not.
select plan(9);

select results_eq('select is_ok, detail from esdb._health_of_partitions()', $$values (true, 'months ahead: 3 at least')$$, 'the months ahead are there');
select results_eq('select is_ok, detail from esdb._health_of_writes()', $$values (true, 'a commit was made durable')$$, 'a write is taken');
select results_eq(
    'select is_ok, detail from esdb._health_of_mark(0)', $$values (true, '0 events wait behind it, for 0.0 seconds')$$, 'nothing waits'
);
select results_eq('select is_ok, detail from esdb._health_of_statistics(36)', $$values (true, 'never refreshed')$$, 'a new store has time');
select results_eq('select is_ok from esdb._health_of_statistics(0)', 'values (false)', 'but not for ever');
select esdb.refresh_event_statistics();
select results_eq(
    'select is_ok, detail from esdb._health_of_statistics(1)', $$values (true, 'refreshed 0.0 hours ago')$$, 'a refresh makes them fresh'
);
select set_eq('select id, kind, sha256 from esdb._installed_files()', 'select id, kind, sha256 from esdb_meta.checksums', 'the files are those of the ledger');

-- this transaction's own announcement is what holds the mark up
begin;
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select results_eq('select is_ok from esdb._health_of_mark(0)', 'values (false)', 'an open append holds the mark up');
select matches((select hint from esdb._health_of_mark(0)), 'pg_terminate_backend', 'and what ends it is told');
rollback;

select * from finish();
