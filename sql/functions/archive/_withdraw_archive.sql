-- Takes back _begin_archive(): the file could not be written, the events are still read from the table. Does nothing
-- once reads refuse the partition. Locks: the maintenance lock, until the transaction ends.
create or replace function esdb._withdraw_archive(
    bounded_context text,
    lower_bound timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    perform esdb._lock_maintenance();
    delete from esdb.archives as a
    where a.bounded_context = _withdraw_archive.bounded_context
        and a.lower_bound = _withdraw_archive.lower_bound
        and a.state = 'archiving';
end
$function$;

comment on function esdb._withdraw_archive(text, timestamptz) is
    'Forgets that a partition is being archived, if its events are still read from the table.';

revoke all on function esdb._withdraw_archive(text, timestamptz) from public;
