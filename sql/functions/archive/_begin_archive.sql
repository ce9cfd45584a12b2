-- Notes that a partition is being archived, and where to; a row that an unfinished run left is brought up to date. From
-- its commit on the partition is not unsealed; its events are still read from the table.
-- Locks: the maintenance lock, until the transaction ends. Errors: 55000 (not sealed, or archived already).
create or replace function esdb._begin_archive(
    bounded_context text,
    lower_bound timestamptz,
    location text,
    keep_table boolean
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
    update esdb.archives as a
    set location = _begin_archive.location,
        keeps_table = a.keeps_table or _begin_archive.keep_table
    where a.bounded_context = _begin_archive.bounded_context
        and a.lower_bound = _begin_archive.lower_bound
        and a.state <> 'archived';
    if found then
        return;
    end if;
    insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table)
    select s.bounded_context, s.lower_bound, p.partition, _begin_archive.location, 'archiving', _begin_archive.keep_table
    from esdb.seals as s
    join esdb._leaves as p on p.bounded_context = s.bounded_context and p.lower_bound = s.lower_bound
    where s.bounded_context = _begin_archive.bounded_context
        and s.lower_bound = _begin_archive.lower_bound
        and not exists (
            select
            from esdb.archives as a
            where a.bounded_context = s.bounded_context and a.lower_bound = s.lower_bound
        );
    if not found then
        raise exception 'the partition cannot be archived'
            using errcode = '55000',
                  detail = format('context %s, from %s: it is not sealed, or archived already', bounded_context, lower_bound),
                  hint = 'See `esdb partitions list`; `esdb partitions seal` seals what is over.';
    end if;
end
$function$;

comment on function esdb._begin_archive(text, timestamptz, text, boolean) is
    'Notes that a sealed partition is being archived to a location; 55000 for one that cannot be.';

revoke all on function esdb._begin_archive(text, timestamptz, text, boolean) from public;
