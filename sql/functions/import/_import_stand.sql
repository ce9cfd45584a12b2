-- Compares the streams of the staged batch with their rows, without locks: marks in esdb_import_heads those that stand
-- just before their first event here. Returns whether none is further, of another type or context, or new here and there
-- already. What is still behind may be brought forward by a batch before this one, that is being written.
--
-- Called before the batch draws its positions: then the events of a stream that stands have lower ones.
create or replace function esdb._import_stand()
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _strangers bigint;
begin
    with found as (
        select
            h.aggregate_id,
            s.version = h.version_before as stands,
            s.version > h.version_before
                or s.aggregate_type <> h.aggregate_type
                or s.bounded_context::text <> h.bounded_context::text
                or (s.version = h.version_before and s.updated_at > h.created_at) as is_strange
        from pg_temp.esdb_import_heads as h
        join esdb.streams as s on s.aggregate_id = h.aggregate_id
    ),
    marked as (
        update pg_temp.esdb_import_heads as h
        set stands = true
        from found as f
        where f.aggregate_id = h.aggregate_id and f.stands
    )
    select count(*) into _strangers
    from found as f
    where f.is_strange;
    return _strangers = 0;
end
$function$;

comment on function esdb._import_stand() is
    'Marks the streams of the staged batch of an import that stand just before it; returns whether none stands elsewhere.';

revoke all on function esdb._import_stand() from public;
