-- The positions that may have been given out and lost: those between last_position and first_position - 1 of each epoch, and
-- those above resume_after that no event has; the newest epoch's also while no transaction that notes it has committed. No row for an epoch that lost none. `esdb export`
-- asks it, too, as whoever calls it. Locks nothing.
create or replace function esdb._lost_ranges()
returns table (
    number bigint,
    last_position bigint,
    first_position bigint,
    resume_after bigint
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select row_number() over (order by e.first_position), e.last_position, e.first_position, e.resume_after
from (
    select r.last_position, r.first_position, r.resume_after
    from esdb.epoch_records as r
    union
    select
        pg_sequence_last_value('esdb.epoch_base'::regclass),
        pg_sequence_last_value('esdb.epoch_start'::regclass),
        pg_sequence_last_value('esdb.epoch_resume'::regclass)
    where pg_sequence_last_value('esdb.epoch_start'::regclass) > 1
) as e
$function$;

comment on function esdb._lost_ranges() is 'The positions that may have been given out and lost, a row an epoch.';

revoke all on function esdb._lost_ranges() from public;
grant execute on function esdb._lost_ranges() to esdb_reader, esdb_writer, esdb_maintainer;
