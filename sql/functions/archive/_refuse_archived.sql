-- Says that what was asked for reaches into an archive; hint: what else than to restore it helps where skip_archived is
-- not to be had. Errors: SE013.
create or replace function esdb._refuse_archived(
    bounded_context text,
    lower_bound timestamptz,
    hint text default 'pass skip_archived => true to go on without these events where the function has it'
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _archive record;
begin
    select a.partition, a.location, s.min_position, s.max_position, s.lower_bound, s.upper_bound
    into _archive
    from esdb.archives as a
    join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
    where a.bounded_context = _refuse_archived.bounded_context and a.lower_bound = _refuse_archived.lower_bound;
    raise exception 'archived: the range asked for reaches into %', _archive.partition
        using errcode = 'SE013',
              detail = jsonb_build_object(
                  'partition', _archive.partition, 'location', _archive.location,
                  'bounded_context', bounded_context, 'from', _archive.lower_bound, 'to', _archive.upper_bound,
                  'min_position', _archive.min_position, 'max_position', _archive.max_position),
              hint = format('Restore it (`esdb partitions restore`), or %s.', _refuse_archived.hint);
end
$function$;

comment on function esdb._refuse_archived(text, timestamptz, text) is
    'Raises SE013 for the archived partition of a context that begins at lower_bound; DETAIL is JSON and names it.';

revoke all on function esdb._refuse_archived(text, timestamptz, text) from public;
