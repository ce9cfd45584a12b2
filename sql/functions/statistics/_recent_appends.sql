-- Which streams were appended to last, for the view stream_statistics: by stream, how many of the store's newest 10,000
-- positions are events of it, as far as they are of the last hour, and how many that is a second.
--
-- The rate is over the hour, or where 10,000 positions do not reach back so far, over the time since the oldest of them.
-- Stable, so all of it is one snapshot. Locks one leaf after the other in ACCESS SHARE, each only meanwhile.
create or replace function esdb._recent_appends()
returns table (
    aggregate_id text,
    event_count bigint,
    per_second double precision
)
language plpgsql
stable
parallel unsafe
rows 300
security definer
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _now constant timestamptz := clock_timestamp();
    _since constant timestamptz := _now - interval '1 hour';
    _after constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0) - 10000;
    _leaf text;
    _ids text[] := '{}';
    _counts bigint[] := '{}';
    _oldest timestamptz;
    _is_cut boolean := false;
begin
    for _leaf in
        select l.partition
        from esdb._head_leaves(_since) as l
    loop
        begin
            execute replace($$
                select
                    $4 || coalesce(array_agg(g.aggregate_id), '{}'),
                    $5 || coalesce(array_agg(g.event_count), '{}'),
                    least($6, min(g.oldest)),
                    $7 or coalesce((
                        select e.timestamp >= $2
                        from only {leaf} as e
                        where e.position <= $1
                        order by e.position desc
                        limit 1
                    ), false)
                from (
                    select e.aggregate_id, count(*) as event_count, min(e.timestamp) as oldest
                    from only {leaf} as e
                    where e.position > $1 and e.timestamp >= $2 and e.timestamp <= $3
                    group by e.aggregate_id
                ) as g
                $$, '{leaf}', format('esdb.%I', _leaf))
                into strict _ids, _counts, _oldest, _is_cut
                using _after, _since, _now, _ids, _counts, _oldest, _is_cut;
            raise exception 'the locks go' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' or undefined_table then
                null;
        end;
    end loop;
    return query
    select r.id, r.events, r.events / greatest(1, extract(epoch from _now - case when _is_cut then _oldest else _since end))::double precision
    from unnest(_ids, _counts) as r (id, events);
end
$function$;

comment on function esdb._recent_appends() is
    'Which streams the store''s newest events belong to, and how many a second come to each.';

revoke all on function esdb._recent_appends() from public;
-- the view esdb.stream_statistics calls it as its reader
grant execute on function esdb._recent_appends() to esdb_reader, esdb_writer, esdb_maintainer;
