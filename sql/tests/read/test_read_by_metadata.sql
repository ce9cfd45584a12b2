-- read_correlated() and read_caused_by() find events by the ids in their metadata, the same with and without the index.
select plan(46);

create function pg_temp.made(name text, metadata jsonb, context text default 'n')
returns bigint
language sql
as $$select "position" from esdb.append_event(name, 'T', '{}', metadata => metadata, bounded_context => context, group_context => 'm')$$;

create temporary table appended as
select m.name, pg_temp.made(m.stream, m.metadata, m.context) as "position"
from (
    values
        ('first', 's', '{"correlation_id": "c", "causation_id": "e1"}'::jsonb, 'n'),
        ('other context', 'b', '{"correlation_id": "c", "causation_id": "e2"}', 'b'),
        ('third', 's', '{"causation_id": "e1", "correlation_id": "c", "x": [1, {"correlation_id": "inner"}]}', 'n'),
        ('no metadata', 's', null, 'n'),
        ('empty metadata', 's', '{}', 'n'),
        ('null id', 's', '{"correlation_id": null}', 'n'),
        ('empty id', 's', '{"correlation_id": ""}', 'n'),
        ('number', 's', '{"correlation_id": 42, "causation_id": 42}', 'n'),
        ('object', 's', '{"correlation_id": {"a": 1}}', 'n'),
        ('quotes', 's', '{"correlation_id": "it''s \"q\" $1 %s \\"}', 'n'),
        ('unicode', 's', '{"correlation_id": "日本 🎉"}', 'n'),
        ('capital', 's', '{"correlation_id": "C"}', 'n'),
        ('blank', 's', '{"correlation_id": "c "}', 'n')
) as m (name, stream, metadata, context);
insert into appended
select v.name, pg_temp.made('s', jsonb_build_object('correlation_id', v.id, 'causation_id', v.id))
from (
    values
        ('long a', repeat('x', 255) || 'a'),
        ('long b', repeat('x', 255) || 'b'),
        ('prefix', repeat('x', 255)),
        ('huge', (select string_agg(md5(i::text), '') from generate_series(1, 5000) as i)),
        ('wide', repeat('🎉', 300))
) as v (name, id);

-- the names of the events that a call finds, in its order
create function pg_temp.found(called text)
returns text[]
language plpgsql
as $$
declare
    _names text[];
begin
    execute format('select coalesce(array_agg(a.name order by r.place), ''{}'')
        from (select "position", row_number() over () as place from esdb.%s) as r join appended as a using ("position")', called)
        into _names;
    return _names;
end
$$;
create temporary table calls as
select *
from (
    values
        ('read_correlated(''c''%s)', '{first,"other context",third}'),
        ('read_correlated(''c'', 2%s)', '{first,"other context"}'),
        ('read_correlated(''c'', 2147483647%s)', '{first,"other context",third}'),
        ('read_correlated(''inner''%s)', '{}'),
        ('read_correlated(''e1''%s)', '{}'),
        ('read_correlated(''''%s)', '{"empty id"}'),
        ('read_correlated(''42''%s)', '{number}'),
        ('read_correlated(''{"a": 1}''%s)', '{object}'),
        ('read_correlated(''it''''s "q" $1 %%s \''%s)', '{quotes}'),
        ('read_correlated(''日本 🎉''%s)', '{unicode}'),
        ('read_correlated(''C''%s)', '{capital}'),
        ('read_correlated(repeat(''x'', 255) || ''a''%s)', '{"long a"}'),
        ('read_correlated(repeat(''x'', 255)%s)', '{prefix}'),
        ('read_correlated(repeat(''x'', 1000000)%s)', '{}'),
        ('read_correlated((select string_agg(md5(i::text), '''') from generate_series(1, 5000) as i)%s)', '{huge}'),
        ('read_caused_by(''e1''%s)', '{first,third}'),
        ('read_caused_by(''c''%s)', '{}'),
        ('read_caused_by(repeat(''🎉'', 300)%s)', '{wide}')
) as c (called, expected);

select throws_ok(
    format('select * from esdb.%s', bad.called), '55000', 'the optional index correlation is not enabled, or not complete',
    format('%s needs the index or since', bad.called)
)
from (
    values
        ('read_correlated(''c'')'),
        ('read_correlated(''c'', until => now())'),
        ('read_caused_by(''e1'')')
) as bad (called);
select is(
    pg_temp.found(format(called, ', since => ''-infinity''')), expected::text[], format('scanned: ' || left(called, 60), ''))
from calls;
select throws_ok(
    format('select * from esdb.%s', bad.called), 'SE009', 'invalid argument: ' || bad.argument, bad.called
)
from (
    values
        ('read_correlated(null)', 'correlation_id'),
        ('read_caused_by(null)', 'event_id'),
        ('read_correlated(''c'', 0)', 'max_count'),
        ('read_caused_by(''c'', null)', 'max_count')
) as bad (called, argument);

-- the bounds
select is(
    (select array_agg(version) from esdb.read_correlated('c', since => e.timestamp) where aggregate_id = 's'),
    '{2}'::esdb.version_number[], 'since is inclusive') from esdb.read_stream('s', 2, 2) as e;
select is(
    (select array_agg(version) from esdb.read_correlated('c', since => '-infinity', until => e.timestamp) where aggregate_id = 's'),
    '{1}'::esdb.version_number[], 'until is not') from esdb.read_stream('s', 2, 2) as e;
select is_empty(
    $$select * from esdb.read_correlated('c', since => now() + interval '1 day', until => now() - interval '1 day')$$,
    'bounds the wrong way round hold nothing');

do $$
declare
    _part record;
begin
    perform esdb._want_optional_index('correlation', true);
    for _part in select * from esdb._optional_index_plan('correlation', true) loop
        execute format('create index %I on esdb.%I using btree (%s) where %s',
            _part.index_name, _part.table_name, _part.keys, _part.predicate);
    end loop;
    perform esdb._finish_optional_index('correlation');
end
$$;
set enable_seqscan = off;
set enable_bitmapscan = off;
select is(pg_temp.found(format(called, '')), expected::text[], format('by the index: ' || left(called, 60), '')) from calls;

select * from finish();
