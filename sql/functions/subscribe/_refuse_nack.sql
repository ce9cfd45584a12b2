-- Raises SE009 for a position that is not an event's of the lease.
create or replace function esdb._refuse_nack(
    "position" bigint
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select esdb._invalid_argument(
    'position', format('%s is no event of the lease', coalesce(_refuse_nack.position::text, 'null')),
    'Pass the position of the event that could not be handled.')
$function$;

comment on function esdb._refuse_nack(bigint) is 'Raises SE009 for a position that is no event''s of the lease.';

revoke all on function esdb._refuse_nack(bigint) from public;
