-- The next event ids of the store in their order, from from_id on, about max_count of them, and which of them come more
-- than once: the next call begins with last_id. Fewer ids_read than max_count: that was the last. Of last_id itself only
-- the next call tells, unless this was the last. At most 100 duplicates are named; duplicate_count says how many there are.
--
-- Merges the primary keys of a context's leaves, which needs no sort, whatever the store's size; hence the settings. Of
-- each context up to max_count ids are read, and the page ends where the first of them is cut off: whatever comes before
-- is complete. The largest context is read first, because its end spares the others what lies behind.
-- Page by page, because one statement over all ids would hold its snapshot for as long as it takes; context by context,
-- because its locks would be too many: see esdb._in_each_context(), whose way of giving them back is used here too.
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
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set enable_sort = off
set enable_seqscan = off
set enable_bitmapscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $function$
declare
    _table text;
    _ids text[];
    _of_context text[];
    _last_duplicate text;
begin
    for _table in
        select context_table.relname
        from pg_inherits as tree
        join pg_class as context_table on context_table.oid = tree.inhrelid
        left join pg_inherits as leaf_tree on leaf_tree.inhparent = tree.inhrelid
        left join pg_class as leaf on leaf.oid = leaf_tree.inhrelid
        where tree.inhparent = 'esdb.events'::regclass
        group by context_table.relname
        order by sum(leaf.reltuples) desc nulls last
    loop
        begin
            execute format(
                'select array_agg(o.id) from ('
                'select e.id from esdb.%I as e where e.id >= $1 and ($2 is null or e.id <= $2) order by e.id limit $3) as o',
                _table)
                into _of_context
                using from_id, last_id, max_count;
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
        _ids := _ids || _of_context;
        if cardinality(_of_context) = max_count then
            last_id := _of_context[max_count];
        end if;
    end loop;

    with page as (
        select i.id, count(*) as times
        from (select u.id collate "C" as id from unnest(_ids) as u (id)) as i
        where coalesce(i.id <= last_id, true)
        group by i.id
    )
    select
        max(p.id),
        coalesce(sum(p.times), 0),
        coalesce((array_agg(p.id order by p.id) filter (where p.times > 1))[1:100], '{}'),
        count(*) filter (where p.times > 1),
        max(p.id) filter (where p.times > 1)
    into last_id, ids_read, duplicates, duplicate_count, _last_duplicate
    from page as p;
    if ids_read >= max_count and last_id = _last_duplicate then
        duplicates := array_remove(duplicates, last_id);
        duplicate_count := duplicate_count - 1;
    end if;
end
$function$;

comment on function esdb_meta.duplicate_ids(text, integer) is
    'The next page of the store''s event ids: where it ends, how many it has, and those that come more than once.';

revoke all on function esdb_meta.duplicate_ids(text, integer) from public;
grant execute on function esdb_meta.duplicate_ids(text, integer) to esdb_maintainer;
