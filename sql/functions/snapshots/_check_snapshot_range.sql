-- Refuses what is wrong with the arguments of get_snapshot() and load_aggregate(). Locks nothing. Errors: SE009.
create or replace function esdb._check_snapshot_range(
    aggregate_id text,
    at_version bigint
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if aggregate_id is null then
        perform esdb._invalid_argument('aggregate_id', 'null', 'Pass the stream''s aggregate_id.');
    end if;
    if at_version < 0 then
        perform esdb._invalid_argument('at_version', at_version::text, 'Pass a version, or null for the newest.');
    end if;
end
$function$;

comment on function esdb._check_snapshot_range(text, bigint) is
    'Raises SE009 for the first argument of get_snapshot() or load_aggregate() that is wrong.';

revoke all on function esdb._check_snapshot_range(text, bigint) from public;
