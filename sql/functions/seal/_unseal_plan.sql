-- The leaf that holds a time and is to be unsealed, with the variables of templates/open_partition.sql.j2: sealed, or
-- closed by a run that did not come to its end. The context is given by its code or its name.
-- Locks nothing. Errors: SE005; SE009 (not closed, or archived).
create or replace function esdb._unseal_plan(
    context text,
    at timestamptz
)
returns table (
    bounded_context text,
    context_name text,
    partition text,
    leaf oid,
    lower_bound timestamptz,
    upper_bound timestamptz
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _code constant text := esdb._context_code('bounded', context);
    _archive record;
begin
    select a.partition, a.location
    into _archive
    from esdb.archives as a
    join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
    where a.bounded_context = _code and s.lower_bound <= at and s.upper_bound > at;
    if found then
        perform esdb._invalid_argument('lower_bound', format('%s is archived in %s', _archive.partition, _archive.location),
            'Restore it first: `esdb partitions restore`.');
    end if;
    return query
    select p.bounded_context::text, p.context_name::text, p.partition, p.leaf, p.lower_bound, p.upper_bound
    from esdb._leaves as p
    where p.bounded_context = _code
        and p.lower_bound <= at
        and p.upper_bound > at
        and (
            exists (
                select
                from esdb.seals as s
                where s.bounded_context = p.bounded_context and s.lower_bound = p.lower_bound
            )
            or esdb._barrier(p.leaf) is not null
        );
    if not found then
        perform esdb._invalid_argument('lower_bound',
            format('no partition of context %s that holds %s is sealed', _code, coalesce(at::text, 'null')),
            '`esdb partitions list` shows them.');
    end if;
end
$function$;

comment on function esdb._unseal_plan(text, timestamptz) is
    'The sealed leaf of a context that holds a time. Errors: SE005; SE009 (not sealed, or archived).';

revoke all on function esdb._unseal_plan(text, timestamptz) from public;
