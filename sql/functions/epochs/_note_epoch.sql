-- Whether the newest epoch is in the table for good; if not, this transaction's commit puts it there. A row of its own
-- proves nothing, since it may be rolled back. Nor does anybody wait for another's. Locks nothing.
create or replace function esdb._note_epoch(
    reason text default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _start constant bigint := pg_sequence_last_value('esdb.epoch_start'::regclass);
begin
    if exists (
        select
        from esdb.epoch_records as r
        where r.first_position = _start and r.recorded_in is distinct from pg_current_xact_id_if_assigned()
    ) then
        return true;
    end if;
    if not exists (select from esdb.epoch_records as r where r.first_position = _start) then
        insert into esdb.epoch_records (first_position, last_position, resume_after, cluster, reason)
        values (
            _start, pg_sequence_last_value('esdb.epoch_base'::regclass),
            pg_sequence_last_value('esdb.epoch_resume'::regclass), esdb._cluster(),
            coalesce(reason, case
                when esdb._has_only_crashed(_start) then 'the server recovered from a crash'
                else 'the server was promoted or restored'
            end));
    end if;
    return false;
end
$function$;

comment on function esdb._note_epoch(text) is
    'Writes the newest epoch into its table with this transaction''s commit; true when another''s has done so.';

revoke all on function esdb._note_epoch(text) from public;
