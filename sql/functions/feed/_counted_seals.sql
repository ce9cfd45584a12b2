-- The seals, each with how many of its events pass filters of read_all(), null for none: from its statistics.
--
-- One query without a pinned search_path, so that it is inlined into the statements of esdb._feed_window(): they find
-- their seals by index, and the statistics are looked up for those alone.
create or replace function esdb._counted_seals(
    group_contexts bpchar[],
    event_types text[]
)
returns table (
    bounded_context esdb.bounded_context_code,
    lower_bound timestamptz,
    upper_bound timestamptz,
    min_position bigint,
    max_position bigint,
    event_count bigint,
    passing_count numeric
)
language sql
stable
parallel safe
begin atomic
select
    s.bounded_context,
    s.lower_bound,
    s.upper_bound,
    s.min_position,
    s.max_position,
    s.event_count,
    case
        when _counted_seals.group_contexts is null and _counted_seals.event_types is null then s.event_count
        else (
            select pg_catalog.sum(t.event_count)
            from esdb.seal_statistics as t
            where t.bounded_context = s.bounded_context and t.lower_bound = s.lower_bound
                and coalesce(t.group_context = any (_counted_seals.group_contexts), true)
                and coalesce(t.event_type = any (_counted_seals.event_types), true)
        )
    end
from esdb.seals as s;
end;

comment on function esdb._counted_seals(bpchar[], text[]) is
    'The seals with how many of their events are of some groups and types.';

revoke all on function esdb._counted_seals(bpchar[], text[]) from public;
