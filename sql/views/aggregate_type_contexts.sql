-- Where new streams of the registered aggregate types belong. Locks nothing beyond reading three small tables.
create or replace view esdb.aggregate_type_contexts as
select
    t.aggregate_type,
    t.bounded_context::text as bounded_context,
    b.name as bounded_context_name,
    t.group_context::text as group_context,
    g.name as group_context_name
from esdb.aggregate_types as t
join esdb.bounded_contexts as b on b.code = t.bounded_context
join esdb.group_contexts as g on g.code = t.group_context;

comment on view esdb.aggregate_type_contexts is
    'The registered aggregate types, with the contexts that a new stream of the type gets when its first append names none.';

revoke all on esdb.aggregate_type_contexts from public;
grant select on esdb.aggregate_type_contexts to esdb_reader, esdb_writer, esdb_maintainer;
