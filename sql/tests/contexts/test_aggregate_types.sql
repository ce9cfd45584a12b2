-- set_aggregate_type() says where new streams of a type belong; streams that exist keep what they have.
select plan(33);

create function pg_temp.registered()
returns table (
    aggregate_type text,
    contexts text
)
language sql
as $$
select t.aggregate_type, t.bounded_context || ' ' || t.group_context from esdb.aggregate_types as t order by 1
$$;
create function pg_temp.contexts_of(stream text)
returns text
language sql
as $$
select i.aggregate_type || ' ' || i.bounded_context || ' ' || i.group_context from esdb.get_stream_info(stream) as i
$$;

select lives_ok($$select esdb.set_aggregate_type('page', 'n', 'm')$$, 'a type is registered by codes');
select lives_ok($$select esdb.set_aggregate_type('mark', 'bookmark', 's')$$, 'or by names');
select results_eq(
    'select aggregate_type collate "default", contexts from pg_temp.registered()',
    $$values ('mark', 'b s'), ('page', 'n m')$$, 'with its codes'
);
select esdb.append_event('old', 'T', '{}', aggregate_type => 'page');
select is(pg_temp.contexts_of('old'), 'page n m', 'a new stream of the type gets its contexts');

select lives_ok($$select esdb.set_aggregate_type('page', 'b', 'c')$$, 'the registration is changed');
select results_eq(
    'select aggregate_type collate "default", contexts from pg_temp.registered()',
    $$values ('mark', 'b s'), ('page', 'b c')$$, 'and no other'
);
select esdb.append_event('old', 'T', '{}', aggregate_type => 'page');
select esdb.append_event('new', 'T', '{}', aggregate_type => 'page');
select is(pg_temp.contexts_of('old'), 'page n m', 'a stream that exists keeps its contexts');
select is(pg_temp.contexts_of('new'), 'page b c', 'a new one gets the new ones');
select results_eq(
    $$select bounded_context::text, group_context::text from esdb.read_stream('old')$$,
    $$values ('n', 'm'), ('n', 'm')$$, 'so do its events'
);

select is(esdb.remove_aggregate_type('page'), true, 'a registration is removed');
select is(esdb.remove_aggregate_type('page'), false, 'once');
select results_eq(
    'select aggregate_type collate "default", contexts from pg_temp.registered()', $$values ('mark', 'b s')$$, 'and no other'
);
select lives_ok($$select esdb.append_event('old', 'T', '{}', aggregate_type => 'page')$$, 'its streams go on');
select throws_ok(
    $$select esdb.append_event('newer', 'T', '{}', aggregate_type => 'page')$$, 'SE005', null, 'a new one has to name its contexts'
);
select is(esdb.remove_aggregate_type(''), false, 'what cannot be registered is not there');

select throws_ok(
    format('select esdb.set_aggregate_type(%L, %L, %L)', bad.type, bad.context, bad.group_context), bad.code, bad.message,
    format('%s: %L %L %L', bad.code, left(bad.type, 9), bad.context, bad.group_context)
)
from (
    values
        (null, 'n', 'm', 'SE009', 'invalid argument: aggregate_type'),
        ('', 'n', 'm', 'SE009', 'invalid argument: aggregate_type'),
        (repeat('x', 256), 'n', 'm', 'SE009', 'invalid argument: aggregate_type'),
        ('t', null, 'm', 'SE009', 'invalid argument: bounded_context'),
        ('t', 'n', null, 'SE009', 'invalid argument: group_context'),
        ('t', 'x', 'm', 'SE005', 'unknown bounded context: x'),
        ('t', 'n', 'x', 'SE005', 'unknown group context: x'),
        ('t', '', 'm', 'SE005', 'unknown bounded context: '),
        ('t', 'Note', 'm', 'SE005', 'unknown bounded context: Note'),
        ('t', 'nt ', 'm', 'SE005', 'unknown bounded context: nt '),
        -- a code of another kind
        ('t', 'm', 'm', 'SE005', 'unknown bounded context: m'),
        ('t', 'n', 'n', 'SE005', 'unknown group context: n'),
        ('t', ''' or true --', 'm', 'SE005', 'unknown bounded context: '' or true --')
) as bad (type, context, group_context, code, message);
select throws_ok(
    'select esdb.remove_aggregate_type(null)', 'SE009', 'invalid argument: aggregate_type', 'null is no type'
);

select lives_ok(format('select esdb.set_aggregate_type(%L, ''n'', ''m'')', hostile.type), format('type %s', left(hostile.type, 30)))
from (
    values
        (repeat('🎉', 255)),
        ('''; drop table esdb.aggregate_types; --')
) as hostile (type);
-- by hand: a name that is another's code
update esdb.bounded_contexts set name = 'e' || 'e' where code = 'e';
update esdb.bounded_contexts set name = 'e' where code = 's';
select esdb.set_aggregate_type('t', 'e', 'm');
select is(
    (select contexts from pg_temp.registered() where aggregate_type = 't'), 'e m', 'a code comes before another''s name'
);
select is(esdb._context_code('feature', 'update'), 'u', 'every kind is found by its name');

select * from finish();
