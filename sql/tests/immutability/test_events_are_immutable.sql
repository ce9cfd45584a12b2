-- UPDATE, DELETE and TRUNCATE of events are refused with SE008, for the owner too, on every table of the tree.
select plan(12);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm', id => 'id');

create temporary table tree as
select c.oid::regclass::text as name, c.relkind = 'p' as is_parent
from pg_partition_tree('esdb.events') as t
join pg_class as c on c.oid = t.relid;
select cmp_ok((select count(*) from tree), '>=', 1 + 9 + 9 * 6::bigint, 'the tree: events, nine contexts, their months and overflows');

select is_empty(
    $$select t.name
    from tree as t
    where not exists (
        select from pg_trigger as g
        where g.tgrelid = t.name::regclass and g.tgname = 'events_are_immutable' and g.tgenabled = 'A'
            and g.tgfoid = 'esdb._refuse_change()'::regprocedure
            -- before, for each statement, of update, delete and truncate
            and g.tgtype = 2 | 8 | 16 | 32 and g.tgqual is null and cardinality(g.tgattr::smallint[]) = 0)$$,
    'each table of the tree has the trigger, enabled always'
);

create function pg_temp.let_through(replica boolean)
returns setof text
language plpgsql
as $$
declare
    _statement text;
    _detail text;
begin
    perform set_config('session_replication_role', case when replica then 'replica' else 'origin' end, true);
    for _statement in
        select format(s.statement, t.name)
        from tree as t
        cross join (
            values
                ('update %s set payload = payload'),
                ('update %s set payload = payload where false'),
                ('update only %s set recorded_by = ''x'''),
                ('delete from %s'),
                ('delete from only %s where id = ''none'''),
                ('truncate %s'),
                ('truncate only %s'),
                ('truncate %s cascade'),
                ('with gone as (delete from %s returning 1) select * from gone'),
                ('merge into %s as e using (values (''id'')) as v (id) on e.id = v.id when matched then delete'),
                ('merge into %s as e using (values (''id'')) as v (id) on e.id = v.id when matched then update set payload = ''{}''')
        ) as s (statement)
        where not (t.is_parent and s.statement ~ 'truncate only')
    loop
        begin
            execute _statement;
            return next _statement;
        exception
            when sqlstate 'SE008' then
                get stacked diagnostics _detail = pg_exception_detail;
                if _detail !~ '^(UPDATE|DELETE|TRUNCATE) of esdb\.events' then
                    return next _statement || ': ' || _detail;
                end if;
            when others then
                return next _statement || ': ' || sqlerrm;
        end;
    end loop;
    perform set_config('session_replication_role', 'origin', true);
end
$$;
select is_empty('select pg_temp.let_through(false)', 'every statement that changes rows is refused on each of them');
select is_empty('select pg_temp.let_through(true)', 'also with session_replication_role = replica');

select refused(
    format(
        'insert into %s select * from esdb.get_event(''id'') on conflict (id) do update set payload = ''{}''', e.tableoid::regclass
    ),
    'SE008', 'UPDATE of esdb.events_note_y%', 'an insert that would update on conflict is refused'
)
from esdb.events as e;
select refused(refused.statement, 'SE008', refused.detail, refused.statement)
from (
    values
        ('update esdb.events set payload = payload', 'UPDATE of esdb.events'),
        ('delete from esdb.events', 'DELETE of esdb.events'),
        ('truncate esdb.events', 'TRUNCATE of esdb.events'),
        ('delete from esdb.events_note', 'DELETE of esdb.events_note')
) as refused (statement, detail);
select throws_ok('delete from esdb.events', 'SE008', 'events are immutable', 'MESSAGE says why');

-- a table of the tree that is detached stays immutable
begin;
alter table esdb.events_note detach partition esdb.events_note_overflow;
select refused('truncate esdb.events_note_overflow', 'SE008', 'TRUNCATE of esdb.events_note_overflow', 'a detached leaf is immutable too');
rollback;

select is((select count(*) from esdb.events), 1::bigint, 'the event stands');

select * from finish();
