-- Makes, or empties, the session's temporary tables by which a batch of an import is seen to be plain:
-- esdb_import_steps has what an event means for its stream, and nothing else of it; esdb_import_heads what becomes of
-- each stream's row. They are gone when the transaction ends. Locks nothing of others.
create or replace function esdb._import_begin_steps()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if to_regclass('pg_temp.esdb_import_steps') is not null then
        truncate pg_temp.esdb_import_steps, pg_temp.esdb_import_heads;
        return;
    end if;
    -- a row an event, from _import_steps() or by COPY from who has split the lines; position is the one in the file
    create temporary table esdb_import_steps (
        position bigint not null,
        bounded_context text collate "C" not null,
        group_context text collate "C" not null,
        feature_context text collate "C" not null,
        aggregate_type text collate "C" not null,
        aggregate_id text collate "C" not null,
        event_type text collate "C" not null,
        version bigint not null,
        timestamp timestamptz not null
    ) on commit drop;
    -- the streams' rows as the batch makes them; a column that is null there stays as it is
    create temporary table esdb_import_heads (
        aggregate_id text collate "C" not null,
        aggregate_type text collate "C" not null,
        bounded_context esdb.bounded_context_code not null,
        group_context esdb.group_context_code,
        version bigint,
        month_version bigint,
        created_at timestamptz,
        updated_at timestamptz,
        deleted_at timestamptz,
        version_before bigint not null,
        known_count bigint not null,
        is_sound boolean not null,
        -- the stream was at version_before already when the batch drew its positions
        stands boolean not null default false
    ) on commit drop;
end
$function$;

comment on function esdb._import_begin_steps() is
    'Makes, or empties, the session''s temporary tables by which a batch of an import is seen to be plain.';

revoke all on function esdb._import_begin_steps() from public;
