-- An optional index is planned, built, ready, found wanting, and dropped, as the catalog shows it.
select plan(30);

create temporary view faults as
select f.kind || ' ' || f.name || ': ' || f.fault as line from esdb_meta.partition_faults() as f;
-- what `esdb indexes` does with the plan, in one transaction
create function pg_temp.carry_out(name text, wanted boolean)
returns bigint
language plpgsql
as $$
declare
    _step record;
    _count bigint := 0;
begin
    for _step in select * from esdb._optional_index_plan(name, wanted) loop
        if _step.action = 'drop_index' then
            execute format('drop index esdb.%I', _step.index_name);
        else
            execute format('create index %I on esdb.%I using btree (%s)%s',
                _step.index_name, _step.table_name, _step.keys, ' where ' || _step.predicate);
        end if;
        _count := _count + 1;
    end loop;
    return _count;
end
$$;
create temporary table leaves as
select partition from esdb.partitions;
create temporary table leaf as
select 'events_note_overflow'::text as name;

select results_eq(
    'select name, state, tables, tables_with_it from esdb.list_optional_indexes()',
    $$values ('correlation', 'off', (select count(*) from leaves), 0::bigint), ('streams', 'off', 1, 0)$$,
    'none is there at first'
);
select is_empty('select * from faults', 'which is no fault');
select is_empty($$select * from esdb._optional_index_plan('correlation', false)$$, 'and nothing is to be dropped');
select is(
    (select count(*) from esdb._optional_index_plan('correlation', true) where action = 'create_index'),
    2 * (select count(*) from leaves), 'two indexes a leaf are to be made'
);
select is((select bool_or((i ->> 'wanted')::boolean) from jsonb_array_elements(esdb._leaf_indexes()) as i), false, 'new leaves get none');

select esdb._want_optional_index('correlation', true);
select is((select bool_and((i ->> 'wanted')::boolean) from jsonb_array_elements(esdb._leaf_indexes()) as i), true, 'wanted, new leaves get them');
select is(esdb._finish_optional_index('correlation'), false, 'it is not ready before it stands');
select is(state, 'building', 'but building') from esdb.list_optional_indexes() where name = 'correlation';
select is((select count(*) from faults), 2 * (select count(*) from leaves) + 1, 'each that is missing is a fault, and that it is not ready');

select pg_temp.carry_out('correlation', true);
select is((select string_agg(line, '') from faults), 'optional index correlation: wanted, but not ready: run esdb indexes enable correlation', 'built everywhere, it is not ready yet');
select is(esdb._finish_optional_index('correlation'), true, 'now it is');
select results_eq(
    $$select state, tables, tables_with_it from esdb.list_optional_indexes() where name = 'correlation'$$,
    'select ''on'', count(*), count(*) from leaves', 'on every leaf'
);
select is_empty('select * from faults', 'without a fault');
select is_empty($$select * from esdb._optional_index_plan('correlation', true)$$, 'nothing is left to do');
select esdb._want_optional_index('correlation', true);
select is(state, 'on', 'wanted once more, it stays on') from esdb.list_optional_indexes() where name = 'correlation';

drop index esdb.events_note_overflow_caused_by;
select is((select string_agg(line, '') from faults), 'partition esdb.events_note_overflow: no index events_note_overflow_caused_by: run esdb indexes enable correlation', 'a leaf without it is named');
create index events_note_overflow_caused_by on esdb.events_note_overflow (position);
select is((select string_agg(line, '') from faults), 'partition esdb.events_note_overflow: index events_note_overflow_caused_by is not as the template makes it: run esdb indexes enable correlation', 'so is one with another index of the name');
select results_eq(
    $$select action, index_name from esdb._optional_index_plan('correlation', true)$$,
    $$values ('drop_index', 'events_note_overflow_caused_by'), ('create_index', 'events_note_overflow_caused_by')$$,
    'which is to be dropped and made again'
);
select is(pg_temp.carry_out('correlation', true), 2::bigint, 'as the plan says');
select is_empty('select * from faults', 'which mends it');
update pg_index set indisvalid = false where indexrelid = 'esdb.events_note_overflow_correlated'::regclass;
select is((select string_agg(line, '') from faults), 'partition esdb.events_note_overflow: index events_note_overflow_correlated is INVALID: run esdb indexes enable correlation', 'an INVALID one is named');
select is(pg_temp.carry_out('correlation', true), 2::bigint, 'and dropped and made again');

select esdb._want_optional_index('correlation', false);
select is(state, 'off', 'wanted no more, it is off at once') from esdb.list_optional_indexes() where name = 'correlation';
select is((select count(*) from faults where line like '% is left over: run esdb indexes disable correlation'), 2 * (select count(*) from leaves), 'what still stands is left over');
select pg_temp.carry_out('correlation', false);
select is_empty('select * from faults', 'until it is dropped');

select cmp_ok(
    (select max(length(suffix)) from esdb._optional_index_definitions() where stands_on_leaves), '<=',
    63 - length('events_' || repeat('x', 27) || '_y2026m11_y2027m03_'), 'the longest name of a leaf leaves room for each suffix'
);

-- on esdb.streams
select esdb._want_optional_index('streams', true);
select pg_temp.carry_out('streams', true);
select is(esdb._finish_optional_index('streams'), true, 'that of the streams is ready');
select is_empty('select * from esdb_meta.object_faults() union all select * from esdb_meta.partition_faults()', 'and no fault');
do $$
begin
    perform esdb_meta.record_objects();
end
$$;
select esdb._want_optional_index('streams', false);
select pg_temp.carry_out('streams', false);
select is_empty('select * from esdb_meta.object_faults() union all select * from esdb_meta.partition_faults()', 'nor is its absence, even after a migrate that met it');
select throws_ok(
    $$select esdb._want_optional_index('nothing', true)$$, 'SE009', 'invalid argument: name', 'an unknown name is refused');

select * from finish();
