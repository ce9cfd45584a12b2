-- Names the staged lines that do not ascend: the file is in the order of its positions, and the events get theirs in
-- that order. Locks nothing.
create or replace function esdb._import_position_faults(
    after_position bigint
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
insert into pg_temp.esdb_import_faults (number, fault)
select o.number, format('position %s is not above %s, that of a line before', o.position, o.highest_before)
from (
    select
        e.number,
        e.position,
        greatest(
            after_position,
            max(e.position) over (order by e.number rows between unbounded preceding and 1 preceding)
        ) as highest_before
    from pg_temp.esdb_import_events as e
) as o
where o.position <= o.highest_before
$function$;

comment on function esdb._import_position_faults(bigint) is
    'Names the lines of the staged batch of an import whose position is not above all before.';

revoke all on function esdb._import_position_faults(bigint) from public;
