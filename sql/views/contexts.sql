-- The codes that this installation knows, of all three kinds. Locks nothing beyond reading three small tables.
create or replace view esdb.contexts as
select 'bounded' as kind, b.code::text as code, b.name, null::text as action_type, b.retain
from esdb.bounded_contexts as b
union all
select 'group', g.code::text, g.name, null, null
from esdb.group_contexts as g
union all
select 'feature', f.code::text, f.name, f.action_type::text, null
from esdb.feature_contexts as f;

comment on view esdb.contexts is
    'The bounded, group and feature contexts: kind, code, name and, for a feature, the action_type that its events get when their append names none; of a bounded context, how long its partitions are kept (retain; null: for ever).';

revoke all on esdb.contexts from public;
grant select on esdb.contexts to esdb_reader, esdb_writer, esdb_maintainer;
