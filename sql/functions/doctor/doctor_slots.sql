-- Replication slots that nobody reads from and that keep more of the write-ahead log than max_wal_size, or have lost what
-- they were for. Locks nothing.
create or replace function esdb_meta.doctor_slots()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select
    'slot_left_over',
    case slot.wal_status when 'lost' then 'notice' else 'critical' end,
    'replication slot ' || slot.slot_name,
    case slot.wal_status
        when 'lost' then 'the log that it was to keep is gone'
        else format('nobody reads from it, and it keeps the log from %s on', slot.restart_lsn)
    end,
    format('select pg_drop_replication_slot(%L);', slot.slot_name),
    'sql'
from pg_replication_slots as slot
where not slot.active
    and slot.wal_status in ('extended', 'unreserved', 'lost')
$function$;

comment on function esdb_meta.doctor_slots() is
    'Findings of `esdb doctor` about replication slots that fill the disk, or have become useless.';

revoke all on function esdb_meta.doctor_slots() from public;
grant execute on function esdb_meta.doctor_slots() to esdb_maintainer;
