-- Where a sealed leaf's events are not those that were sealed: digest and event_count are what esdb_meta.digest_events()
-- found from its first event to its last; the rest is found here, in one reading. None where the leaf has no such seal
-- any more: it was unsealed meanwhile. Locks the leaf in ACCESS SHARE until the transaction ends. Errors: SE009 (no leaf).
create or replace function esdb_meta.sealed_leaf_faults(
    leaf oid,
    number bigint,
    digest bytea,
    event_count bigint
)
returns table (
    kind text,
    name text,
    fault text
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _facts constant jsonb := esdb_meta.seal_facts(leaf);
    _name constant text := esdb_meta._leaf_name(leaf);
begin
    return query
    with sealed as (
        select s.*
        from esdb.seals as s
        where s.number = sealed_leaf_faults.number
    ),
    found_statistics as (
        select f.*
        from sealed
        cross join jsonb_to_recordset(_facts -> 'statistics') as f (
            group_context text, event_type text, event_count bigint, first_event timestamptz, last_event timestamptz
        )
    ),
    noted_statistics as (
        select
            t.group_context::text as group_context, t.event_type::text as event_type,
            t.event_count, t.first_event, t.last_event
        from sealed
        join esdb.seal_statistics as t
            on t.bounded_context = sealed.bounded_context and t.lower_bound = sealed.lower_bound
    )
    select
        'seal',
        _name,
        format('its events are not those sealed as number %s: ', s.number)
        || case
            when sealed_leaf_faults.event_count <> s.event_count
                then format('there are %s, sealed were %s', sealed_leaf_faults.event_count, s.event_count)
            else 'their digest is another'
        end
    from sealed as s
    where (sealed_leaf_faults.event_count, coalesce(sealed_leaf_faults.digest, '')) <> (s.event_count, s.events_digest)
    union all
    select
        'seal', _name,
        'its positions are ' || coalesce(f.lowest || ' to ' || f.highest, 'none')
            || ', by its seal ' || coalesce(s.min_position || ' to ' || s.max_position, 'none')
    from sealed as s
    cross join (select (_facts ->> 'min_position')::bigint, (_facts ->> 'max_position')::bigint) as f (lowest, highest)
    where (f.lowest, f.highest) is distinct from (s.min_position, s.max_position)
    union all
    select
        'seal', _name,
        format('of group %s and type %s it holds %s, by its seal''s statistics %s',
            coalesce(f.group_context, n.group_context), coalesce(f.event_type, n.event_type),
            coalesce(f.event_count || ' events from ' || f.first_event || ' to ' || f.last_event, 'none'),
            coalesce(n.event_count || ' from ' || n.first_event || ' to ' || n.last_event, 'none'))
    from found_statistics as f
    full join noted_statistics as n
        on n.group_context = f.group_context and n.event_type collate "C" = f.event_type collate "C"
    where (f.event_count, f.first_event, f.last_event) is distinct from (n.event_count, n.first_event, n.last_event);
end
$function$;

comment on function esdb_meta.sealed_leaf_faults(oid, bigint, bytea, bigint) is
    'Where a leaf''s events are not those that its seal is of.';

revoke all on function esdb_meta.sealed_leaf_faults(oid, bigint, bytea, bigint) from public;
grant execute on function esdb_meta.sealed_leaf_faults(oid, bigint, bytea, bigint) to esdb_maintainer;
