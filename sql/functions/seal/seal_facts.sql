-- What a seal says of a leaf's events besides their digest: event_count, min_position, max_position, and statistics by
-- group context and event type, in the order of both. Reads the leaf once. Locks it in ACCESS SHARE until the
-- transaction ends. Errors: SE009 (no leaf).
create or replace function esdb_meta.seal_facts(
    leaf oid
)
returns jsonb
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _facts jsonb;
begin
    execute format(
        'select jsonb_build_object($1, coalesce(sum(g.event_count), 0), $2, min(g.lowest), $3, max(g.highest), $4,'
        ' coalesce(jsonb_agg(jsonb_build_object($5, g.group_context, $6, g.event_type, $1, g.event_count,'
        ' $7, g.first_event, $8, g.last_event) order by g.group_context, g.event_type collate "C"), $9))'
        ' from (select e.group_context, e.event_type, count(*) as event_count, min(e.position) as lowest,'
        ' max(e.position) as highest, min(e.timestamp) as first_event, max(e.timestamp) as last_event'
        ' from only %s as e group by e.group_context, e.event_type) as g',
        esdb_meta._leaf_name(leaf))
        into _facts
        using 'event_count', 'min_position', 'max_position', 'statistics', 'group_context', 'event_type', 'first_event',
            'last_event', '[]'::jsonb;
    return _facts;
end
$function$;

comment on function esdb_meta.seal_facts(oid) is
    'Count, lowest and highest position and the statistics of a leaf''s events, as its seal has them. Errors: SE009.';

revoke all on function esdb_meta.seal_facts(oid) from public;
grant execute on function esdb_meta.seal_facts(oid) to esdb_maintainer;
