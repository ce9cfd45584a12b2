-- list_streams() pages through the streams by aggregate_id, filtered by type and context.
select plan(25);

select is_empty('select * from esdb.list_streams()', 'a store without streams has none to list');
select esdb.append_event(s.name, 'T', '{}', 0, s.context, 'm', aggregate_type => s.type)
from (
    values
        ('a', 'n', 'page'), ('B', 'n', 'page'), ('ä', 'n', 'page'), ('b', 'b', 'page'), ('it''s "x" $1', 'b', 'link'), ('日本', 'b', 'link')
) as s (name, context, type);

-- the names that a call lists, in its order
create function pg_temp.listed(arguments text)
returns text[]
language plpgsql
as $$
declare
    _names text[];
begin
    execute format('select array_agg(l.aggregate_id order by l.place) from (
        select *, row_number() over () as place from esdb.list_streams(%s)) as l', arguments) into _names;
    return _names;
end
$$;
select is(pg_temp.listed(called.arguments), called.expected::text[], format('list_streams(%s)', called.arguments))
from (
    values
        ('', '{B,a,b,"it''s \"x\" $1",ä,日本}'),
        ('max_count => 2', '{B,a}'),
        ('max_count => 2, after_aggregate_id => ''a''', '{b,"it''s \"x\" $1"}'),
        ('max_count => 2, after_aggregate_id => ''it''''s "x" $1''', '{ä,日本}'),
        ('after_aggregate_id => ''日本''', null),
        ('after_aggregate_id => ''C''', '{a,b,"it''s \"x\" $1",ä,日本}'),
        ('after_aggregate_id => ''''', '{B,a,b,"it''s \"x\" $1",ä,日本}'),
        ('after_aggregate_id => repeat(''z'', 100000)', '{ä,日本}'),
        ('''page''', '{B,a,b,ä}'),
        ('''page'', max_count => 1, after_aggregate_id => ''B''', '{a}'),
        ('bounded_context => ''b''', '{b,"it''s \"x\" $1",日本}'),
        ('''page'', ''b''', '{b}'),
        ('''Page''', null),
        ('''''''; drop table esdb.streams; --''', null),
        ('bounded_context => ''c''', null)
) as called (arguments, expected);
select results_eq(
    'select * from esdb.list_streams()',
    'select i.* from esdb.list_streams() as l cross join lateral esdb.get_stream_info(l.aggregate_id) as i',
    'the columns are those of get_stream_info()'
);
insert into esdb.snapshots (aggregate_id, version, state)
values ('b', 1, '{}');
select is(snapshot_version, 1::bigint, 'with the newest snapshot') from esdb.list_streams('page', 'b');

update esdb.streams set deleted_at = clock_timestamp() where aggregate_id = 'a';
select is(pg_temp.listed('''page'''), '{B,b,ä}', 'a deleted stream is not listed');
select is(pg_temp.listed('''page'', include_deleted => true'), '{B,a,b,ä}', 'unless it is asked for');

select throws_ok(
    format('select * from esdb.list_streams(%s)', bad.arguments), bad.code, null, format('%s: list_streams(%s)', bad.code, bad.arguments)
)
from (
    values
        ('max_count => 0', 'SE009'),
        ('max_count => -1', 'SE009'),
        ('max_count => null', 'SE009'),
        ('include_deleted => null', 'SE009'),
        ('bounded_context => ''x''', 'SE005')
) as bad (arguments, code);

select * from finish();
