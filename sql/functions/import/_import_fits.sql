-- Whether so many batches like the staged one can be written at once without filling more than half of the server's lock
-- table. An event locks its leaf and the indexes on it; the leaves are counted generously, from esdb_import_heads.
create or replace function esdb._import_fits(
    batches integer
)
returns boolean
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
select
    20 * batches * count(distinct h.bounded_context) * (
        1 + 12 * (date_part('year', max(h.updated_at)) - date_part('year', min(h.created_at)))
        + date_part('month', max(h.updated_at)) - date_part('month', min(h.created_at))
    ) < current_setting('max_locks_per_transaction')::integer
        * (current_setting('max_connections')::integer + current_setting('max_prepared_transactions')::integer)
from pg_temp.esdb_import_heads as h
$function$;

comment on function esdb._import_fits(integer) is
    'Whether the lock table has room for so many batches of an import like the staged one at once.';

revoke all on function esdb._import_fits(integer) from public;
