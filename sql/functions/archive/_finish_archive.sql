-- Notes that a partition is archived: its table is out of esdb.events, and gone unless it is kept. Writes the audit log.
-- Locks: the maintenance lock, until the transaction ends. Errors: 55000 (not that far yet).
create or replace function esdb._finish_archive(
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
declare
    _archive esdb.archives;
begin
    perform esdb._lock_maintenance();
    update esdb.archives as a
    set state = 'archived',
        archived_at = clock_timestamp()
    where a.bounded_context = _finish_archive.bounded_context
        and a.lower_bound = _finish_archive.lower_bound
        and a.state = 'detaching'
        and (a.keeps_table or to_regclass(format('esdb.%I', a.partition)) is null)
        and not exists (
            select from pg_inherits as tree where tree.inhrelid = to_regclass(format('esdb.%I', a.partition))
        )
    returning a.* into _archive;
    if not found then
        raise exception 'the partition is not archived yet'
            using errcode = '55000',
                  detail = format('context %s, from %s', bounded_context, lower_bound),
                  hint = 'Run `esdb partitions archive` again: it goes on where it stopped.';
    end if;
    perform esdb._audit(
        'archive', _archive.partition,
        esdb._archive_facts(_archive.bounded_context, _archive.lower_bound) - 'columns'
            || jsonb_build_object('location', _archive.location, 'keeps_table', _archive.keeps_table),
        (
            select s.event_count
            from esdb.seals as s
            where s.bounded_context = _archive.bounded_context and s.lower_bound = _archive.lower_bound
        ));
end
$function$;

comment on function esdb._finish_archive(text, timestamptz) is
    'Notes that a partition is archived, in the audit log too; 55000 while its table is in esdb.events, or is to be dropped.';

revoke all on function esdb._finish_archive(text, timestamptz) from public;
