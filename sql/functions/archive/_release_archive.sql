-- Turns the reads away from a partition whose file is written and proven: from the commit on, whatever reaches into it
-- raises SE013. The sequence is raised first, so that no reader sees the new state without the guard that leads to it.
-- Locks: the maintenance lock, until the transaction ends. Errors: 55000 (the partition is not being archived).
create or replace function esdb._release_archive(
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
    _end bigint;
begin
    perform esdb._lock_maintenance();
    select ceil(extract(epoch from s.upper_bound))
    into _end
    from esdb.seals as s
    where s.bounded_context = _release_archive.bounded_context and s.lower_bound = _release_archive.lower_bound;
    perform esdb._raise_sequence('esdb.archived_until'::regclass, _end);
    update esdb.archives as a
    set state = 'detaching'
    where a.bounded_context = _release_archive.bounded_context
        and a.lower_bound = _release_archive.lower_bound
        and a.state = 'archiving';
    if not found then
        raise exception 'the partition is not being archived'
            using errcode = '55000',
                  detail = format('context %s, from %s', bounded_context, lower_bound),
                  hint = 'Run `esdb partitions archive` again: it goes on where it stopped.';
    end if;
end
$function$;

comment on function esdb._release_archive(text, timestamptz) is
    'Makes reads of a partition whose file is proven raise SE013 from the commit on; 55000 for one not being archived.';

revoke all on function esdb._release_archive(text, timestamptz) from public;
