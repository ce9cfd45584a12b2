-- A closed leaf is sealed once, with what it holds; one that is open or not due is not, and the frontier moves.
select plan(20);

select esdb.set_setting('seal_after', '0');
create temporary table leaf as
select p.*
from esdb._seal_plan('note') as p;
select is(count(*), 1::bigint, 'last month is due') from leaf;
select is(barrier, null, 'and open') from leaf;
select refused('select * from esdb._seal_plan(''zz'')', 'SE005', 'registered%', 'an unknown context has no plan');

create function pg_temp.seal(barrier text default null)
returns setof esdb.seals
language sql
as $$
select s.*
from leaf
cross join esdb._seal(
    leaf.bounded_context, leaf.lower_bound, coalesce(seal.barrier, esdb._barrier(leaf.leaf)),
    esdb_meta.seal_facts(leaf.leaf), (select d.digest from esdb_meta.digest_events(leaf.leaf) as d)) as s
$$;
select is_empty('select * from pg_temp.seal()', 'an open leaf is not sealed');
do $$
declare
    _partition text := (select partition from leaf);
begin
    execute format(
        'create trigger events_are_sealed before insert on esdb.%I for each row execute function esdb._refuse_sealed()',
        _partition);
end
$$;
select is(esdb._barrier(leaf), null, 'a barrier that replicas pass is none') from leaf;
do $$
begin
    execute format('alter table esdb.%I enable always trigger events_are_sealed', (select partition from leaf));
end
$$;
select isnt(esdb._barrier(leaf), null, 'one for always is one') from leaf;
select is_empty('select * from pg_temp.seal(''1/2'')', 'facts found under another barrier seal nothing');
select refused(
    'select * from esdb._seal(''n'', now(), ''1/2'', ''{"event_count": 1}'')', 'SE009', 'events_digest%',
    'events without a digest are no facts');
select results_eq(
    'select event_count, min_position, events_digest, sealed_by = session_user from pg_temp.seal()',
    'select 0::bigint, null::bigint, ''''::bytea, true',
    'a closed leaf is sealed, an empty one too');
select is_empty('select * from pg_temp.seal()', 'and once');
select is_empty('select * from esdb._seal_plan(''n'')', 'it is due no more');
select results_eq(
    'select digest, follows from esdb_meta.seal_chain()',
    'select sha256(convert_to(esdb._seal_line(number), ''UTF8'')), true from esdb.seals',
    'the first digest of the chain is that of its line');
select is(month, (select min(lower_bound) from esdb._leaves), 'a seal leaves the frontier where it is')
from esdb.seal_frontier;
select ok(not esdb._frontier_lags(), 'where other contexts need it');
select lives_ok('select esdb._set_frontier()', 'a run moves it at its end');
select ok(not esdb._frontier_lags(), 'and does not lag then');
select is(month, (select lower_bound from leaf), 'other contexts'' last months are not sealed')
from esdb.seal_frontier;
select refused(
    format('insert into esdb.events_note (position, id, bounded_context, group_context, feature_context, action_type,'
        ' aggregate_type, aggregate_id, event_type, version, timestamp, payload)'
        ' values (1, ''i'', ''n'', ''m'', ''c'', ''create'', ''note'', ''s'', ''T'', 1, %L, ''{}'')', lower_bound),
    'SE012', 'an event of stream s%', 'it takes no event'
)
from leaf;
select results_eq(
    'select t.subject = leaf.partition from esdb.audit_trail as t cross join leaf where t.action = ''seal''',
    'values (true)', 'the audit log knows');

begin;
select esdb._lock_maintenance();
select esdb._set_frontier();
select is_empty(
    $$select c.relname from pg_locks as l
    join pg_class as c on c.oid = l.relation
    where l.pid = pg_backend_pid() and starts_with(c.relname::text, 'events_')$$,
    'to find the frontier leaves no lock on any leaf');
commit;

select * from finish();
