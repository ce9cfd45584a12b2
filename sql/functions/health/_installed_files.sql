-- The files that the store was made of, with the digests of their bytes: what `esdb health` compares with its package.
-- Locks nothing.
create or replace function esdb._installed_files()
returns table (
    id text,
    kind text,
    sha256 text
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select c.id, c.kind, c.sha256
from esdb_meta.checksums as c
$function$;

comment on function esdb._installed_files() is 'The files that the store was made of, with their SHA-256, for `esdb health ready`.';

revoke all on function esdb._installed_files() from public;
-- a probe may be any role's
grant execute on function esdb._installed_files() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
