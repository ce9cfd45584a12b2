-- Seals a leaf that is closed: notes what it holds and chains its digest to that of the newest seal. Returns the seal; no
-- row where there is nothing to do: it is sealed already, or its barrier is not the one under which the facts were
-- found, so it was open meanwhile.
--
-- The frontier stays where it is, which is right and may be lower than it could be: to find it looks at every unsealed
-- leaf, so a run calls esdb._set_frontier() after many seals and not at each.
--
-- events_digest is that of all its events (esdb_meta.digest_events(); null: it has none) and facts is
-- esdb_meta.seal_facts(), both found since the barrier stands. Takes esdb._lock_maintenance() until the transaction ends.
-- Errors: SE009.
create or replace function esdb._seal(
    bounded_context text,
    lower_bound timestamptz,
    barrier text,
    facts jsonb,
    events_digest bytea default null
)
returns setof esdb.seals
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _leaf record;
    _number bigint;
begin
    if (facts ->> 'event_count' = '0') is distinct from (events_digest is null) then
        perform esdb._invalid_argument('events_digest', 'it is null for a leaf without events, and only then',
            'Pass the digest and the facts of the same leaf.');
    end if;
    perform esdb._lock_maintenance();
    select p.partition, p.upper_bound
    into _leaf
    from esdb._seal_plan(_seal.bounded_context, _seal.lower_bound) as p
    where p.barrier = _seal.barrier;
    if not found then
        return;
    end if;

    -- the digest follows when the statistics are in: it stands for them too
    insert into esdb.seals (
        bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest
    )
    values (
        _seal.bounded_context, _seal.lower_bound, _leaf.upper_bound,
        (facts ->> 'event_count')::bigint, (facts ->> 'min_position')::bigint, (facts ->> 'max_position')::bigint,
        coalesce(_seal.events_digest, ''), ''
    )
    returning number into _number;
    insert into esdb.seal_statistics (
        bounded_context, lower_bound, group_context, event_type, event_count, first_event, last_event
    )
    select
        _seal.bounded_context, _seal.lower_bound, t.group_context, t.event_type, t.event_count, t.first_event, t.last_event
    from jsonb_to_recordset(facts -> 'statistics') as t (
        group_context text, event_type text, event_count bigint, first_event timestamptz, last_event timestamptz
    );
    perform esdb._chain_seals(_number);
    perform esdb._audit('seal', _leaf.partition, esdb._seal_line(_number)::jsonb - 'statistics' || jsonb_build_object(
        'digest', (select encode(s.digest, 'hex') from esdb.seals as s where s.number = _number)),
        (facts ->> 'event_count')::bigint);
    return query
    select s.*
    from esdb.seals as s
    where s.number = _number;
end
$function$;

comment on function esdb._seal(text, timestamptz, text, jsonb, bytea) is
    'Seals a closed leaf and returns its seal; no row: it is sealed already, or was open meanwhile. Errors: SE009.';

revoke all on function esdb._seal(text, timestamptz, text, jsonb, bytea) from public;
