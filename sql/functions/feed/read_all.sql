-- Reads events of all streams in the store's order, never beyond the high-water mark: consumer → read_all → events.
--
-- The cursor is the last position handled. A page needs a mark that covers it; the recorded one is used up before
-- another scan. The partitions are chosen when the statement is planned, with the bounds at hand: no cached plan may
-- see the partition tree, because it would lock every leaf. Locks: the leaves read, shared, until the transaction ends.
-- Errors: SE005, SE009, SE011, SE022.
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
set search_path = ''
as $function$
declare
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _is_filtered constant boolean :=
        num_nonnulls(bounded_contexts, group_contexts, feature_contexts, event_types, aggregate_types) > 0;
    _covered bigint;
    _mark bigint;
begin
    -- one expression of cheap tests, because most polls find nothing; only what fails them is looked at closely
    if (
        after_position between 0 and _last
        and max_count >= 1
        and backward is not null
        and coalesce(up_to_position >= 0, true)
        and bounded_contexts is null
        and current_setting('transaction_isolation') = 'read committed'
        and not pg_is_in_recovery()
    ) is not true then
        perform esdb._check_read_all(after_position, max_count, backward, up_to_position, bounded_contexts, _last);
    end if;
    if after_position = _last then
        return;
    end if;

    -- how far the mark must reach so that a scan could add nothing to the page
    _covered := case when _is_filtered or backward then _last else after_position + max_count end;
    _covered := least(_last, up_to_position, _covered);
    _mark := esdb._known_mark();
    if _mark < _covered then
        _mark := esdb.high_water_mark();
    end if;
    _mark := least(_mark, up_to_position);
    if _mark <= after_position then
        return;
    end if;

    return query execute
        'select e.* from esdb.events as e where e.position > $1 and e.position <= $2 and e.timestamp < $3'
        || esdb._any_of('bounded_context', '$4', bounded_contexts)
        || esdb._any_of('group_context', '$5', group_contexts)
        || esdb._any_of('feature_context', '$6', feature_contexts)
        || esdb._any_of('event_type', '$7', event_types)
        || esdb._any_of('aggregate_type', '$8', aggregate_types)
        || case when backward then ' order by e.position desc limit $9' else ' order by e.position limit $9' end
        using after_position, _mark, esdb._newest_month_end(), bounded_contexts, group_contexts, feature_contexts,
            event_types, aggregate_types, max_count;
end
$function$;

comment on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) is
    'Events of all streams after after_position in the store''s order, at most max_count, never beyond the high-water mark; backward: from the newest (or up_to_position) downwards. Array arguments filter; null means all. skip_archived: go on past archived events instead of raising SE013. Errors: SE005, SE009, SE011, SE022.';

revoke all on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) from public;
grant execute on function esdb.read_all(
    bigint, integer, text[], text[], text[], text[], text[], boolean, bigint, boolean
) to esdb_reader, esdb_writer, esdb_maintainer;
