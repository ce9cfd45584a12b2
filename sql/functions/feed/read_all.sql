-- Reads events of all streams in the store's order, never beyond the high-water mark: consumer → read_all → events.
--
-- The cursor is the last position handled. The recorded mark is used up before another is sought. The partitions are chosen when the statement is planned, with the bounds at hand: no cached plan may
-- see the partition tree, because it would lock every leaf. Locks: the leaves read, shared, until the transaction ends.
-- Errors: SE005, SE009, SE011, SE022; 40001 in a read-only transaction, see _check_short_page().
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
as $function$
declare
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _goal bigint;
    _lower bigint := after_position;
    _upper bigint;
    _wanted integer := max_count;
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
        and not pg_is_in_recovery()
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
    _upper := least(case when backward then esdb.high_water_mark() else esdb._known_mark() end, _goal);
    loop
        if _upper > _lower then
            return query execute
                'select e.* from esdb.events as e where e.position > $1 and e.position <= $2 and e.timestamp < $3'
                || esdb._any_of('bounded_context', '$4', bounded_contexts)
                || esdb._any_of('group_context', '$5', group_contexts)
                || esdb._any_of('feature_context', '$6', feature_contexts)
                || esdb._any_of('event_type', '$7', event_types)
                || esdb._any_of('aggregate_type', '$8', aggregate_types)
                || case when backward then ' order by e.position desc limit $9' else ' order by e.position limit $9' end
                using _lower, _upper, esdb._newest_month_end(), bounded_contexts, group_contexts::bpchar[],
                    feature_contexts::bpchar[], event_types, aggregate_types, _wanted;
            get diagnostics _found = row_count;
            _wanted := _wanted - _found;
            _lower := _upper;
        end if;
        exit when backward or _is_renewed or _wanted = 0 or _upper >= _goal;
        _upper := least(esdb.high_water_mark(), _goal);
        _is_renewed := true;
    end loop;
    if _wanted > 0 and _upper < up_to_position and up_to_position <= _last then
        perform esdb._check_short_page(_upper, up_to_position);
    end if;
end
$function$;

comment on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) is
    'Events of all streams after after_position in the store''s order, at most max_count, never beyond the high-water mark; backward: from the newest (or up_to_position) downwards. Array arguments filter; null means all. skip_archived: go on past archived events instead of raising SE013. Errors: SE005, SE009, SE011, SE022; 40001 (poll again) in a READ ONLY transaction when up_to_position is beyond the mark.';

revoke all on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) from public;
grant execute on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) to esdb_reader, esdb_writer, esdb_maintainer;
