-- Reads the events whose metadata holds an id under a key: read_correlated, read_caused_by → _read_by_metadata → events.
--
-- With the optional index correlation every leaf that may hold events is asked by its index; without, only the leaves
-- between the bounds are read. The partitions are chosen when the statement is planned, with the bounds at hand: no
-- cached plan may see the partition tree, because it would lock every leaf. The index holds 255 characters of the
-- id, so the whole of a longer one is compared too. That of a shorter one is not: as if both comparisons were
-- independent, the planner would take every chain for a few events, read it whole and sort it. Without the index that
-- is just what is wanted, or it might walk a leaf by position and not by the bounds.
-- Locks: the leaves read, shared, until the transaction ends. Errors: SE009, SE013; 55000 without index and since.
create or replace function esdb._read_by_metadata(
    key text,
    parameter text,
    id text,
    max_count integer,
    since timestamptz,
    until timestamptz
)
returns setof esdb.events
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _is_ready constant boolean := exists (
        select from esdb.optional_indexes as o where o.name = 'correlation' and o.ready
    );
    -- a leaf and its indexes are eight locks or nine: with more leaves, one context's locks are held at a time
    _leaves_at_once constant integer := 400;
    _query text;
begin
    if id is null then
        perform esdb._invalid_argument(parameter, 'null', 'Pass the id to look for.');
    end if;
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if since is null and not _is_ready then
        raise exception 'the optional index correlation is not enabled, or not complete'
            using errcode = 'object_not_in_prerequisite_state',
                  detail = 'without it and without since, every event of the store would be read',
                  hint = 'Run `esdb indexes enable correlation`, or pass since: then only what was recorded from that time on is read.';
    end if;
    if coalesce(since < esdb._archived_until(), true) then
        perform esdb._check_archived(
            null, coalesce(since, '-infinity'), least(until, esdb._newest_month_end()) - interval '1 microsecond',
            'pass since: only what was recorded from that time on is read then');
    end if;
    _query := format('select e.* from esdb.%%I as e where left(e.metadata ->> %L, 255) = left($1, 255) collate "C"', key)
        || case when _is_ready and length(id) < 255 then '' else format(' and e.metadata ->> %L = $1', key) end
        || format(' and e.timestamp >= $2 and e.timestamp < $3 order by e.position limit %s', max_count);
    if (
        select count(*) <= _leaves_at_once
        from pg_inherits as tree
        join pg_inherits as context_tree on context_tree.inhparent = tree.inhrelid
        where tree.inhparent = 'esdb.events'::regclass
    ) then
        return query execute format(_query, 'events')
            using id, coalesce(since, '-infinity'), least(until, esdb._newest_month_end());
        return;
    end if;
    return query
    select e.*
    from esdb._in_each_context(
        _query, id, coalesce(since, '-infinity'), least(until, esdb._newest_month_end())
    ) as e (
        "position" bigint, id text, bounded_context esdb.bounded_context_code, group_context esdb.group_context_code,
        feature_context esdb.feature_context_code, action_type varchar(10), aggregate_type text, aggregate_id text,
        event_type varchar(255), schema_version smallint, version esdb.version_number, "timestamp" timestamptz,
        occurred_at timestamptz, payload jsonb, metadata jsonb, recorded_by text)
    order by e."position"
    limit max_count;
end
$function$;

comment on function esdb._read_by_metadata(text, text, text, integer, timestamptz, timestamptz) is
    'The events whose metadata holds an id under a key, for read_correlated() and read_caused_by().';

revoke all on function esdb._read_by_metadata(text, text, text, integer, timestamptz, timestamptz) from public;
