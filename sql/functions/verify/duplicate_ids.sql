-- The next max_count event ids of the store in their order, from from_id on, and which of them come more than once: the
-- next call begins with last_id. Fewer ids_read than max_count: that was the last. Of last_id itself only the next call
-- tells, unless this was the last. At most 100 duplicates are named; duplicate_count says how many there are.
--
-- Merges the leaves' primary keys, which needs no memory and no sort, whatever the store's size; hence the settings.
-- Page by page, because one statement over all ids would hold its snapshot, and its locks, for as long as it takes.
-- Locks every leaf in ACCESS SHARE until the transaction's end.
create or replace function esdb_meta.duplicate_ids(
    from_id text,
    max_count integer,
    out last_id text,
    out ids_read bigint,
    out duplicates text[],
    out duplicate_count bigint
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_sort = off
set enable_seqscan = off
set enable_bitmapscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $function$
#variable_conflict use_column
declare
    _last_duplicate text;
begin
    select
        max(p.id),
        count(*),
        coalesce((array_agg(distinct p.id) filter (where p.id = p.id_before))[1:100], '{}'),
        count(distinct p.id) filter (where p.id = p.id_before),
        max(p.id) filter (where p.id = p.id_before)
    into last_id, ids_read, duplicates, duplicate_count, _last_duplicate
    from (
        select o.id, lag(o.id) over (order by o.id) as id_before
        from (
            select e.id
            from esdb.events as e
            where e.id >= duplicate_ids.from_id
            order by e.id
            limit duplicate_ids.max_count
        ) as o
    ) as p;
    if ids_read = duplicate_ids.max_count and last_id = _last_duplicate then
        duplicates := array_remove(duplicates, last_id);
        duplicate_count := duplicate_count - 1;
    end if;
end
$function$;

comment on function esdb_meta.duplicate_ids(text, integer) is
    'The next page of the store''s event ids: where it ends, how many it has, and those that come more than once.';

revoke all on function esdb_meta.duplicate_ids(text, integer) from public;
grant execute on function esdb_meta.duplicate_ids(text, integer) to esdb_maintainer;
