-- The codes by which events are classified. They are data of the installation: these tables name them, the domains
-- hold them in every row. A domain's CHECK is cheaper than a table's (3 against 32 microseconds an append: a table's
-- is parsed anew from its text by every statement) and widening one touches no partition.

create domain esdb.bounded_context_code as varchar(2)
    constraint bounded_context_code_known check (value in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e'));
comment on domain esdb.bounded_context_code is 'A bounded context''s code: the list-partition key of events.';

create domain esdb.group_context_code as char(1)
    constraint group_context_code_known check (value in ('m', 'c', 's'));
comment on domain esdb.group_context_code is 'A group context''s code.';

create domain esdb.feature_context_code as char(1)
    constraint feature_context_code_known check (value in ('c', 'u', 'd', 'r'));
comment on domain esdb.feature_context_code is 'A feature context''s code: c create, u update, d delete, r read.';

create domain esdb.version_number as bigint
    constraint version_number_not_negative check (value >= 0);
comment on domain esdb.version_number is 'A version inside a stream: 1, 2, 3 …; 0 means "no stream yet".';

create table esdb.bounded_contexts (
    code esdb.bounded_context_code primary key,
    name text collate "C" not null unique
        constraint bounded_contexts_name_is_an_identifier check (name ~ '^[a-z][a-z0-9_]{0,26}$'),
    retain interval
        constraint bounded_contexts_retain_is_positive check (retain > interval '0')
);
comment on table esdb.bounded_contexts is
    'The bounded contexts; name is part of the partitions'' names (events_<name>_y2026m11).';
comment on column esdb.bounded_contexts.retain is
    'How long after its end a partition stays before `esdb partitions archive` takes it; null: for ever.';

insert into esdb.bounded_contexts (code, name)
values
    ('b', 'bookmark'),
    ('n', 'note'),
    ('nt', 'nt'),
    ('p', 'p'),
    ('t', 't'),
    ('c', 'c'),
    ('r', 'r'),
    ('s', 's'),
    ('e', 'e');

create table esdb.group_contexts (
    code esdb.group_context_code primary key,
    name text collate "C" not null unique
        constraint group_contexts_name_is_an_identifier check (name ~ '^[a-z][a-z0-9_]{0,26}$')
);
comment on table esdb.group_contexts is 'The group contexts; a code without a name yet is its own name.';

insert into esdb.group_contexts (code, name)
values
    ('m', 'm'),
    ('c', 'c'),
    ('s', 's');

create table esdb.feature_contexts (
    code esdb.feature_context_code primary key,
    name text collate "C" not null unique
        constraint feature_contexts_name_is_an_identifier check (name ~ '^[a-z][a-z0-9_]{0,26}$'),
    action_type varchar(10) not null
        constraint feature_contexts_action_type_not_empty check (action_type <> '')
);
comment on table esdb.feature_contexts is
    'The feature contexts; action_type is what an event of the feature gets when its append names none.';

insert into esdb.feature_contexts (code, name, action_type)
values
    ('c', 'create', 'create'),
    ('u', 'update', 'update'),
    ('d', 'delete', 'delete'),
    ('r', 'read', 'read');

create table esdb.aggregate_types (
    aggregate_type text collate "C" primary key,
    bounded_context esdb.bounded_context_code not null references esdb.bounded_contexts,
    group_context esdb.group_context_code not null references esdb.group_contexts
);
comment on table esdb.aggregate_types is 'Where a new stream of an aggregate type belongs when its first append does not say.';

revoke all on domain esdb.bounded_context_code, esdb.group_context_code, esdb.feature_context_code, esdb.version_number
    from public;
