-- The events by bounded context, group context and type, for esdb.event_statistics: sealed ones from their seals'
-- statistics, archived or not, and those of unsealed leaves counted. A key comes once for each source.
--
-- Stable, so all of it is one snapshot, the caller's: a leaf that is sealed meanwhile is counted as it was. The planner
-- is given times as literals, and so locks no sealed leaf. Locks the unsealed leaves of one context after the other in
-- ACCESS SHARE, and lets them go as esdb._in_each_context() does.
create or replace function esdb._count_events()
returns table (
    bounded_context esdb.bounded_context_code,
    group_context esdb.group_context_code,
    event_type varchar,
    event_count bigint,
    first_event timestamptz,
    last_event timestamptz
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _range record;
begin
    return query
    select t.bounded_context, t.group_context, t.event_type, t.event_count, t.first_event, t.last_event
    from esdb.seal_statistics as t;
    for _range in
        select r.bounded_context, r.from_time, coalesce(r.to_time, 'infinity') as to_time
        from esdb._unsealed_ranges() as r
    loop
        begin
            return query execute format(
                'select e.bounded_context, e.group_context, e.event_type, count(*), min(e.timestamp), max(e.timestamp)'
                ' from esdb.events as e where e.bounded_context = %L and e.timestamp >= %L and e.timestamp < %L'
                ' group by e.bounded_context, e.group_context, e.event_type',
                _range.bounded_context, _range.from_time, _range.to_time);
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
    end loop;
end
$function$;

comment on function esdb._count_events() is 'The events counted, by source and kind, for esdb.event_statistics.';

revoke all on function esdb._count_events() from public;
