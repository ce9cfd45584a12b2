-- Reads events of all streams in the store's order, never beyond the high-water mark: consumer → read_all → events.
--
-- The cursor is the last position handled. The recorded mark is used up before another is sought. At the head of the
-- feed _feed_head() says which leaves to read. Elsewhere _feed_window() chooses stretches of positions and the leaves to
-- read for each, until the page is full. The partitions are chosen when the statement is planned, with the bounds at hand:
-- no cached plan may see the partition tree, because it would lock every leaf. Locks: the leaves read, shared, until the
-- transaction ends; where they are more than 400, those of one context after the other, and none in the end.
-- Errors: SE005, SE009, SE011, SE013, SE022; 40001 in a read-only transaction, see _check_short_page().
create or replace function esdb.read_all(
    after_position bigint default 0,
    max_count integer default 1000,
    bounded_contexts text[] default null,
    group_contexts text[] default null,
    feature_contexts text[] default null,
    event_types text[] default null,
    aggregate_types text[] default null,
    backward boolean default false,
    up_to_position bigint default null,
    skip_archived boolean default false
)
returns setof esdb.events
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set constraint_exclusion = off
as $function$
declare
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _goal bigint;
    _lower bigint := after_position;
    _upper bigint;
    _end bigint;
    _from bigint;
    _to bigint;
    _from_time timestamptz;
    _to_time timestamptz;
    _source text;
    _sources text[];
    _is_wide boolean;
    _condition text;
    _is_filtered constant boolean := num_nonnulls(group_contexts, feature_contexts, event_types, aggregate_types) > 0;
    _order constant text := case when backward then ' order by e.position desc limit $7' else ' order by e.position limit $7' end;
    _wanted integer := max_count;
    _breadth double precision := max_count;
    _found integer;
    _is_renewed boolean := false;
begin
    -- one expression of cheap tests, because most polls find nothing; only what fails them is looked at closely
    if (
        after_position between 0 and _last
        and max_count >= 1
        and backward is not null
        and coalesce(up_to_position >= 0, true)
        and skip_archived is not null
        and current_setting('transaction_isolation') = 'read committed'
        and after_position >= pg_sequence_last_value('esdb.epoch_start'::regclass) - 1
    ) is not true then
        perform esdb._check_read_all(after_position, max_count, backward, up_to_position, skip_archived, _last);
    end if;
    if num_nonnulls(bounded_contexts, group_contexts, feature_contexts) > 0 then
        perform esdb._check_filters(bounded_contexts, group_contexts, feature_contexts);
    end if;
    if after_position = _last then
        return;
    end if;

    -- Forward, what the recorded mark covers is read first, and only a page that it leaves short asks for a new one:
    -- a stretch of positions that were never committed may be longer than a page, so an empty page proves nothing yet.
    _goal := least(_last, up_to_position);
    _end := least(case when backward then esdb.high_water_mark() else esdb._known_mark() end, _goal);
    if not backward and _end < _goal and _end - _lower < _wanted then
        -- too few positions to fill the page, so it will ask anyway: one read instead of two
        _end := least(esdb.high_water_mark(), _goal);
        _is_renewed := true;
    end if;
    loop
        _upper := _end;
        while _upper > _lower and _wanted > 0 loop
            -- Statements of their own, after the mark was found: what they see holds for the read behind them.
            select h.from_time, h.to_time, h.source
            into _from_time, _to_time, _source
            from esdb._feed_head(_lower, bounded_contexts) as h;
            if _from_time is not null then
                _from := _lower;
                _to := _upper;
                _sources := array[_source];
                _is_wide := false;
            else
                select w.lower_position, w.upper_position, w.sources, w.is_wide
                into _from, _to, _sources, _is_wide
                from esdb._feed_window(
                    _lower, _upper, _breadth, bounded_contexts, group_contexts, event_types, backward, skip_archived) as w;
            end if;
            _found := 0;
            if _sources[1] is not null then
                _condition := ' and e.position > $1 and e.position <= $2';
                if _is_filtered then
                    _condition := _condition
                        || esdb._any_of('group_context', '$3', group_contexts)
                        || esdb._any_of('feature_context', '$4', feature_contexts)
                        || esdb._any_of('event_type', '$5', event_types)
                        || esdb._any_of('aggregate_type', '$6', aggregate_types);
                elsif _from_time is not null then
                    -- The index on positions is the way, however many there are: a sub-select keeps the planner from
                    -- looking for the lowest and the highest in each leaf.
                    _condition := ' and e.position > (select $1) and e.position <= (select $2)';
                end if;
                if _is_wide then
                    for _i in 1 .. array_length(_sources, 1) loop
                        _sources[_i] := _sources[_i] || _condition || _order;
                    end loop;
                    return query
                    select e.*
                    from esdb._read_apart(
                        _sources, _from, _to, group_contexts, feature_contexts, event_types, aggregate_types, _wanted) as e
                    order by case when backward then -e.position else e.position end
                    limit _wanted;
                else
                    return query execute
                        case
                            when cardinality(_sources) = 1 then _sources[1] || _condition || _order
                            else
                                'select e.* from ('
                                || array_to_string(_sources, _condition || ' union all ') || _condition || ') as e' || _order
                        end
                        using _from, _to, group_contexts::bpchar[], feature_contexts::bpchar[], event_types, aggregate_types,
                            _wanted, _from_time, _to_time;
                end if;
                get diagnostics _found = row_count;
            end if;
            _wanted := _wanted - _found;
            if backward then
                _upper := _from;
            else
                _lower := _to;
            end if;
            -- a filter that finds little looks further at each step, so that a long way takes few
            _breadth := 4 * _breadth;
        end loop;
        exit when backward or _is_renewed or _wanted = 0 or _end >= _goal;
        _end := least(esdb.high_water_mark(), _goal);
        _is_renewed := true;
    end loop;
    if _wanted > 0 and _end < up_to_position and up_to_position <= _last then
        perform esdb._check_short_page(_end, up_to_position);
    end if;
end
$function$;

comment on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) is
    'Events of all streams after after_position in the store''s order, at most max_count, never beyond the high-water mark; backward: from the newest (or up_to_position) downwards. Array arguments filter; null means all. A page that would have to contain archived events raises SE013; those before and after are served, and filters that no archived event passes are not concerned; skip_archived: go on without them. Errors: SE005, SE009, SE011, SE013, SE022; 40001 (poll again) in a READ ONLY transaction when up_to_position is beyond the mark.';

revoke all on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) from public;
grant execute on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) to esdb_reader, esdb_writer, esdb_maintainer;
