-- Makes the session's staging tables of an import, gone when the transaction ends; where they are there already (a dry
-- run has all its batches in one transaction), empties them but for esdb_import_seen.
--
-- Temporary, because each session of an import stages its own batch, and what a killed one leaves goes by itself. A
-- batch's lines come by COPY into esdb_import_lines, numbered as in the file, or split into esdb_import_events. A plain
-- batch does without: see _import_begin_steps(). Locks nothing of others.
create or replace function esdb._import_begin()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform esdb._import_begin_steps();
    if to_regclass('pg_temp.esdb_import_lines') is not null then
        truncate pg_temp.esdb_import_lines, pg_temp.esdb_import_events, pg_temp.esdb_import_faults,
            pg_temp.esdb_import_streams;
        return;
    end if;
    create temporary table esdb_import_lines (number bigint not null, line text not null) on commit drop;
    create temporary table esdb_import_events (number bigint not null, like esdb.events) on commit drop;
    create temporary table esdb_import_faults (number bigint not null, fault text not null) on commit drop;
    -- the streams' rows as they are, those of a dry run as they would be after its earlier batches
    create temporary table esdb_import_streams (like esdb.streams) on commit drop;
    create temporary table esdb_import_seen (like esdb.streams, primary key (aggregate_id)) on commit drop;
end
$function$;

comment on function esdb._import_begin() is 'Makes, or empties, the session''s temporary tables for a batch of an import.';

revoke all on function esdb._import_begin() from public;
