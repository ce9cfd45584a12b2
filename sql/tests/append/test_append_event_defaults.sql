-- What append_event() fills in where the caller leaves it out.
select plan(15);

insert into esdb.aggregate_types (aggregate_type, bounded_context, group_context)
values ('bookmark_folder', 'b', 's');

create view pg_temp.last as
select e.* from esdb.events as e order by e.position desc limit 1;

select esdb.append_event('typed', 'Made', '{}', aggregate_type => 'bookmark_folder');
select results_eq(
    'select bounded_context::text, group_context::text, aggregate_type collate "default" from pg_temp.last',
    $$values ('b', 's', 'bookmark_folder')$$,
    'a registered aggregate type brings both contexts'
);
select results_eq(
    'select feature_context::text, action_type::text from pg_temp.last',
    $$values ('c', 'create')$$,
    'a stream''s first event is c, create'
);
select results_eq(
    'select schema_version, occurred_at, metadata from pg_temp.last',
    'values (1::smallint, null::timestamptz, null::jsonb)',
    'schema_version is 1, occurred_at and metadata are null'
);

select esdb.append_event('typed', 'Changed', '{}');
select results_eq(
    'select bounded_context::text, group_context::text, aggregate_type collate "default" from pg_temp.last',
    $$values ('b', 's', 'bookmark_folder')$$,
    'a later event has the stream''s contexts and type'
);
select results_eq(
    'select feature_context::text, action_type::text from pg_temp.last',
    $$values ('u', 'update')$$,
    'a later event is u, update'
);

select esdb.append_event('overruled', 'Made', '{}', aggregate_type => 'bookmark_folder', bounded_context => 'n');
select results_eq(
    'select bounded_context::text, group_context::text from pg_temp.last',
    $$values ('n', 's')$$,
    'a context given goes before the aggregate type''s'
);
select esdb.append_event('overruled2', 'Made', '{}', aggregate_type => 'bookmark_folder', group_context => 'c');
select results_eq(
    'select bounded_context::text, group_context::text from pg_temp.last',
    $$values ('b', 'c')$$,
    'a group given goes before the aggregate type''s'
);

select esdb.append_event('untyped', 'Made', '{}', bounded_context => 'n', group_context => 'm');
select is(aggregate_type collate "default", 'note', 'without a type a stream has the name of its context') from pg_temp.last;
select esdb.append_event('free', 'Made', '{}', bounded_context => 'nt', group_context => 'm', aggregate_type => 'Folder');
select is(aggregate_type collate "default", 'Folder', 'a type need not be registered where the contexts are given') from pg_temp.last;
select is(bounded_context::text, 'nt', 'the context of two letters is one of them') from pg_temp.last;

select esdb.append_event('free', 'Happened', '{}', feature_context => f.code) from esdb.feature_contexts as f where f.code = 'c';
select is(action_type::text, 'create', 'c means create') from pg_temp.last;
select esdb.append_event('free', 'Happened', '{}', feature_context => 'u');
select is(action_type::text, 'update', 'u means update') from pg_temp.last;
select esdb.append_event('free', 'Happened', '{}', feature_context => 'd');
select is(action_type::text, 'delete', 'd means delete') from pg_temp.last;
select esdb.append_event('free', 'Happened', '{}', feature_context => 'r');
select is(action_type::text, 'read', 'r means read') from pg_temp.last;
select esdb.append_event('free', 'Happened', '{}', feature_context => 'r', action_type => 'export');
select is(action_type::text, 'export', 'an action type given goes before the feature''s') from pg_temp.last;

select * from finish();
