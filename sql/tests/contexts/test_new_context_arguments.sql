-- A context that cannot be added is refused with SE009, which names the argument and says what is wrong with it.
select plan(71);

create function pg_temp.refusal(
    kind text,
    code text,
    name text,
    action_type text
)
returns text
language plpgsql
as $$
declare
    _detail text;
    _hint text;
begin
    perform * from esdb._context_plan(kind, code, name, action_type);
    return 'taken';
exception
    when sqlstate 'SE009' then
        get stacked diagnostics _detail = pg_exception_detail, _hint = pg_exception_hint;
        return _detail || case when _hint = '' then ' without hint' else '' end;
end
$$;

select is(
    pg_temp.refusal(bad.kind, bad.code, bad.name, null), bad.argument || ': ' || bad.fault,
    format('%s %L %L', bad.kind, bad.code, bad.name)
)
from (
    values
        (null, 'o', 'order', 'kind', 'null'),
        ('', 'o', 'order', 'kind', ''''''),
        ('Bounded', 'o', 'order', 'kind', '''Bounded'''),
        ('bounded; drop table esdb.events', 'o', 'order', 'kind', '''bounded; drop table esdb.events'''),
        ('bounded', null, 'order', 'code', 'null is no code'),
        ('bounded', '', 'order', 'code', ''''' is no code'),
        ('bounded', 'O', 'order', 'code', '''O'' is no code'),
        ('bounded', 'ord', 'order', 'code', '''ord'' is no code'),
        ('bounded', 'o ', 'order', 'code', '''o '' is no code'),
        ('bounded', 'é', 'order', 'code', '''é'' is no code'),
        ('bounded', '٣', 'order', 'code', '''٣'' is no code'),
        ('bounded', e'o\n', 'order', 'code', e'''o\n'' is no code'),
        ('bounded', '''', 'order', 'code', ''''''''' is no code'),
        ('bounded', ''')', 'order', 'code', ''''''')'' is no code'),
        ('bounded', '%s', 'order', 'code', '''%s'' is no code'),
        ('group', 'gg', 'gate', 'code', '''gg'' is no code'),
        ('group', '', 'gate', 'code', ''''' is no code'),
        ('feature', 'xx', 'export', 'code', '''xx'' is no code'),
        ('feature', '"', 'export', 'code', '''"'' is no code'),
        ('bounded', 'o', null, 'name', 'null is no name'),
        ('bounded', 'o', '', 'name', ''''' is no name'),
        ('bounded', 'o', 'Order', 'name', '''Order'' is no name'),
        ('bounded', 'o', '1order', 'name', '''1order'' is no name'),
        ('bounded', 'o', '_order', 'name', '''_order'' is no name'),
        ('bounded', 'o', 'or der', 'name', '''or der'' is no name'),
        ('bounded', 'o', 'bestellüng', 'name', '''bestellüng'' is no name'),
        ('bounded', 'o', e'order\n', 'name', e'''order\n'' is no name'),
        ('bounded', 'o', 'x; drop table esdb.events', 'name', '''x; drop table esdb.events'' is no name'),
        ('bounded', 'o', 'x''); delete from esdb.streams; --', 'name', '''x''''); delete from esdb.streams; --'' is no name'),
        ('bounded', 'o', '{{ 7 * 7 }}', 'name', '''{{ 7 * 7 }}'' is no name'),
        ('bounded', 'o', repeat('a', 28), 'name', format('%L is no name', repeat('a', 28))),
        ('group', 'g', 'Gate', 'name', '''Gate'' is no name'),
        ('feature', 'x', 'ex port', 'name', '''ex port'' is no name'),
        -- taken, or confused with what there is
        ('bounded', 'b', 'order', 'code', 'b is the bounded context bookmark'),
        ('bounded', 'o', 'bookmark', 'name', 'taken by the bounded context b (bookmark)'),
        ('bounded', 'o', 'b', 'name', 'taken by the bounded context b (bookmark)'),
        ('bounded', 'n', 'bookmark', 'code', 'n is the bounded context note'),
        ('group', 'm', 'mobile', 'code', 'm is the group context m'),
        ('group', 'g', 'm', 'name', 'taken by the group context m (m)'),
        ('feature', 'c', 'copy', 'code', 'c is the feature context create'),
        ('feature', 'x', 'create', 'name', 'taken by the feature context c (create)'),
        -- names of partitions
        ('bounded', 'o', 'bookmark_overflow', 'name', 'bookmark_overflow looks like the name of a partition'),
        ('bounded', 'o', 'x_overflow_pkey', 'name', 'x_overflow_pkey looks like the name of a partition'),
        ('bounded', 'o', 'bookmark_y2026m11', 'name', 'bookmark_y2026m11 looks like the name of a partition'),
        ('bounded', 'o', 'x_y12026m1_context', 'name', 'x_y12026m1_context looks like the name of a partition'),
        ('bounded', 'o', 'x_y2026m11_y2026m12', 'name', 'x_y2026m11_y2026m12 looks like the name of a partition')
) as bad (kind, code, name, argument, fault);

select is(
    pg_temp.refusal(good.kind, good.code, good.name, null), 'taken', format('%s %L %L is well formed', good.kind, good.code, good.name)
)
from (
    values
        ('bounded', 'o', 'order'),
        ('bounded', 'o', 'o'),
        ('bounded', '7', 'seven'),
        ('bounded', 'o1', repeat('a', 27)),
        ('bounded', 'o', 'overflow'),
        ('bounded', 'o', 'overflowing_orders'),
        ('bounded', 'o', 'x_year'),
        ('bounded', 'o', 'my_m'),
        ('bounded', 'o', 'select'),
        ('group', 'g', 'gate'),
        -- kinds do not mix
        ('group', 'b', 'bookmark'),
        ('feature', 'm', 'm'),
        -- registered just so
        ('bounded', 'b', 'bookmark'),
        ('bounded', 'nt', 'nt'),
        ('feature', 'c', 'create')
) as good (kind, code, name);

select is(
    pg_temp.refusal(action.kind, action.code, action.name, action.action_type), action.outcome,
    format('%s %s %s with action %L', action.kind, action.code, action.name, action.action_type)
)
from (
    values
        ('feature', 'x', 'export', 'elevenchars', 'action_type: 11 characters'),
        ('feature', 'x', 'export', '', 'action_type: 0 characters'),
        ('feature', 'x', 'exportation', null, 'action_type: null, and the name has 11 characters'),
        ('feature', 'x', 'exportation', 'export', 'taken'),
        ('feature', 'x', 'export', 'ten chars!', 'taken'),
        ('feature', 'c', 'create', 'create', 'taken'),
        ('feature', 'c', 'create', 'make', 'action_type: c is registered with create'),
        ('bounded', 'o', 'order', 'order', 'action_type: a bounded context has none'),
        ('group', 'g', 'gate', 'gate', 'action_type: a group context has none')
) as action (kind, code, name, action_type, outcome);

-- a relation in the way
create table esdb.events_taken ();
select is(
    pg_temp.refusal('bounded', 'o', 'taken', null), 'name: the relation esdb.events_taken is there already',
    'a name whose table there is already is refused'
);

select * from finish();
