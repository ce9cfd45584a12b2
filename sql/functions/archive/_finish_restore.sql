-- Notes that an archived partition is back in esdb.events; its seal stays as it was. Writes the audit log.
-- Locks: the maintenance lock, until the transaction ends. Errors: 55000 (it is not archived, or not attached).
create or replace function esdb._finish_restore(
    bounded_context text,
    lower_bound timestamptz,
    location text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _archive esdb.archives;
begin
    perform esdb._lock_maintenance();
    delete from esdb.archives as a
    where a.bounded_context = _finish_restore.bounded_context
        and a.lower_bound = _finish_restore.lower_bound
        and a.state = 'archived'
        and exists (
            select from pg_inherits as tree where tree.inhrelid = to_regclass(format('esdb.%I', a.partition))
        )
    returning a.* into _archive;
    if not found then
        raise exception 'the partition is not archived, or not back yet'
            using errcode = '55000',
                  detail = format('context %s, from %s', bounded_context, lower_bound),
                  hint = 'Run `esdb partitions restore` again.';
    end if;
    perform esdb._audit(
        'restore', _archive.partition,
        esdb._archive_facts(_archive.bounded_context, _archive.lower_bound) - 'columns'
            || jsonb_build_object('location', _finish_restore.location),
        (
            select s.event_count
            from esdb.seals as s
            where s.bounded_context = _archive.bounded_context and s.lower_bound = _archive.lower_bound
        ));
end
$function$;

comment on function esdb._finish_restore(text, timestamptz, text) is
    'Notes that an archived partition is attached again, in the audit log too; 55000 for one that is not.';

revoke all on function esdb._finish_restore(text, timestamptz, text) from public;
