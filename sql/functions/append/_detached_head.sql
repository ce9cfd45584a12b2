-- The detached head of a stream, as the calling statement sees it; nulls where there is none. Locks nothing.
--
-- By index whatever the planner thinks: where few rows live among many dead ones, it takes the table for the quicker way.
create or replace function esdb._detached_head(
    aggregate_id text
)
returns esdb.detached_heads
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _head esdb.detached_heads;
begin
    select d.*
    into _head
    from esdb.detached_heads as d
    where d.aggregate_id = _detached_head.aggregate_id
    order by d.version desc
    limit 1;
    return _head;
end
$function$;

comment on function esdb._detached_head(text) is 'The version, month_version and updated_at of a stream whose row has none; nulls: it has.';

revoke all on function esdb._detached_head(text) from public;
-- the view stream_statistics calls it as its reader
grant execute on function esdb._detached_head(text) to esdb_reader, esdb_writer, esdb_maintainer;
