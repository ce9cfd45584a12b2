-- Where the events with some ids stand, for the ids that esdb_meta.duplicate_ids() found. Holds the locks of one
-- context's leaves at a time, shared, and none at its end.
create or replace function esdb_meta.duplicate_id_faults(
    ids text[]
)
returns table (
    kind text,
    name text,
    fault text
)
language sql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    'event id',
    e.id,
    'given to more than one event: '
        || string_agg(
            format('%s version %s in %s', e.aggregate_id, e.version, e.leaf::regclass), ', '
            order by e."position", e.leaf)
from esdb._in_each_context(
    'select e.id, e.aggregate_id, e.version::bigint, e.position, e.tableoid from esdb.%I as e where e.id = any ($1::text[])',
    ids::text
) as e (id text, aggregate_id text, version bigint, "position" bigint, leaf oid)
group by e.id
having count(*) > 1
order by e.id
$function$;

comment on function esdb_meta.duplicate_id_faults(text[]) is 'Which events share an id.';

revoke all on function esdb_meta.duplicate_id_faults(text[]) from public;
grant execute on function esdb_meta.duplicate_id_faults(text[]) to esdb_maintainer;
