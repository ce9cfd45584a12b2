-- Refuses a read of a context (null: of all) that reaches into an archive between two times, both included. Whoever
-- reads nothing before esdb._archived_until() need not call it.
--
-- No read can miss events silently: after a partition's state has become detaching, `esdb partitions archive` waits
-- until every transaction that was open then has ended, and only then detaches it. Locks nothing. Errors: SE013.
create or replace function esdb._check_archived(
    bounded_context text,
    from_time timestamptz,
    to_time timestamptz,
    hint text default null
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _archive record;
begin
    select s.bounded_context, s.lower_bound
    into _archive
    from esdb.archives as a
    join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
    where a.state <> 'archiving'
        and coalesce(a.bounded_context = _check_archived.bounded_context, true)
        and s.event_count > 0
        and s.lower_bound <= to_time
        and s.upper_bound > from_time
    order by s.lower_bound, s.bounded_context
    limit 1;
    if found then
        if hint is null then
            perform esdb._refuse_archived(_archive.bounded_context, _archive.lower_bound);
        else
            perform esdb._refuse_archived(_archive.bounded_context, _archive.lower_bound, hint);
        end if;
    end if;
end
$function$;

comment on function esdb._check_archived(text, timestamptz, timestamptz, text) is
    'Raises SE013 when an archived partition of a context (null: of any) holds events between two times.';

revoke all on function esdb._check_archived(text, timestamptz, timestamptz, text) from public;
