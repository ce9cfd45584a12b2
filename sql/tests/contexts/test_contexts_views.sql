-- The views show what is registered, with names.
select plan(5);

select results_eq(
    $$select kind, code, name collate "default", action_type from esdb.contexts where kind <> 'bounded' order by kind, code collate "C"$$,
    $$values
        ('feature', 'c', 'create', 'create'),
        ('feature', 'd', 'delete', 'delete'),
        ('feature', 'r', 'read', 'read'),
        ('feature', 'u', 'update', 'update'),
        ('group', 'c', 'c', null),
        ('group', 'm', 'm', null),
        ('group', 's', 's', null)$$,
    'group and feature contexts'
);
select set_eq(
    $$select code, name collate "default", action_type, retain from esdb.contexts where kind = 'bounded'$$,
    $$select code::text, name collate "default", null::text, null::interval from esdb.bounded_contexts$$,
    'bounded contexts'
);
select is_empty('select * from esdb.aggregate_type_contexts', 'a new store has no aggregate types');
insert into esdb.aggregate_types (aggregate_type, bounded_context, group_context)
values ('page', 'n', 'm');
select results_eq(
    $$select aggregate_type collate "default", bounded_context, bounded_context_name collate "default", group_context,
        group_context_name collate "default" from esdb.aggregate_type_contexts$$,
    $$values ('page', 'n', 'note', 'm', 'm')$$, 'one that is registered has its contexts and their names'
);
select results_eq(
    $$select c.table_name::text from information_schema.views as c where c.table_schema = 'esdb' and c.is_updatable = 'YES'$$,
    'select null::text where false', 'nobody writes through them'
);

select * from finish();
