-- Where the events with some ids stand, for the ids that esdb_meta.duplicate_ids() found. Locks every leaf in ACCESS
-- SHARE until the transaction's end.
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
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    'event id',
    e.id,
    'given to more than one event: '
        || string_agg(
            format('%s version %s in %s', e.aggregate_id, e.version, e.tableoid::regclass), ', '
            order by e."position", e.tableoid)
from esdb.events as e
where e.id = any (ids)
group by e.id
having count(*) > 1
order by e.id
$function$;

comment on function esdb_meta.duplicate_id_faults(text[]) is 'Which events share an id.';

revoke all on function esdb_meta.duplicate_id_faults(text[]) from public;
grant execute on function esdb_meta.duplicate_id_faults(text[]) to esdb_maintainer;
