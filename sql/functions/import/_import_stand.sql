-- Compares the streams of the staged batch with their rows, without locks: marks in esdb_import_heads those that stand
-- just before their first event here. Returns whether none is further, of another type or context, or new here and there
-- already. What is still behind may be brought forward by a batch before this one, that is being written.
--
-- Called before the batch draws its positions: then the events of a stream that stands have lower ones. The settings have
-- each stream looked up by its key: whatever the planner makes of tables without statistics, no batch reads all streams.
create or replace function esdb._import_stand()
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $function$
begin
    update pg_temp.esdb_import_heads as h
    set stands = s.version = h.version_before,
        is_sound = s.version = h.version_before
            and s.aggregate_type = h.aggregate_type
            and s.bounded_context = h.bounded_context
            and s.updated_at <= h.created_at
    from esdb._streams as s
    where s.aggregate_id = h.aggregate_id
        and (
            s.version >= h.version_before
            or s.aggregate_type <> h.aggregate_type
            or s.bounded_context <> h.bounded_context
        );
    return not exists (select from pg_temp.esdb_import_heads as h where not h.is_sound);
end
$function$;

comment on function esdb._import_stand() is
    'Marks the streams of the staged batch of an import that stand just before it; returns whether none stands elsewhere.';

revoke all on function esdb._import_stand() from public;
