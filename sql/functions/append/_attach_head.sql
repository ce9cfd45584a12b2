-- Writes a stream's detached head back into its row; nothing happens where it is not detached.
-- By index, as _detached_head(). Locks the stream's row until the transaction ends, before it looks for the head.
create or replace function esdb._attach_head(
    aggregate_id text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _head esdb.detached_heads;
begin
    perform
    from esdb.streams as s
    where s.aggregate_id = _attach_head.aggregate_id
        and s.version is null
    for no key update;
    if not found then
        return;
    end if;
    _head := esdb._detached_head(aggregate_id);
    delete from esdb.detached_heads as d
    where d.aggregate_id = _head.aggregate_id
        and d.version = _head.version;
    update esdb.streams as s
    set version = _head.version,
        month_version = _head.month_version,
        updated_at = _head.updated_at
    where s.aggregate_id = _head.aggregate_id;
end
$function$;

comment on function esdb._attach_head(text) is 'Writes a stream''s detached head back into its row.';

revoke all on function esdb._attach_head(text) from public;
