-- Files that were run once and are no longer part of the package while the object they are named after still stands.
-- Locks nothing.
create or replace function esdb_meta.removed_files(
    known_files text[]
)
returns table (
    kind text,
    name text,
    fault text
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select 'file', checksums.id, 'no longer part of this package, but its object is still there'
from esdb_meta.checksums
cross join lateral (
    select substring(checksums.id from '([^/]+)[.]sql$') as name
) as stem
where checksums.kind = 'repeatable'
    and checksums.id <> all (removed_files.known_files)
    and exists (
        select
        from pg_namespace as namespace
        where namespace.nspname in ('esdb', 'esdb_meta')
            and (
                exists (select from pg_proc as p where p.pronamespace = namespace.oid and p.proname = stem.name)
                or exists (select from pg_class as c where c.relnamespace = namespace.oid and c.relname = stem.name)
            )
    )
order by 2
$function$;

comment on function esdb_meta.removed_files(text[]) is
    'Files of an earlier version, not among known_files, whose object is still in the database.';

revoke all on function esdb_meta.removed_files(text[]) from public;
grant execute on function esdb_meta.removed_files(text[]) to esdb_maintainer;
