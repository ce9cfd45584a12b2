-- How many positions lie above lower_position up to upper_position, those not counted that epochs have jumped over.
create or replace function esdb._positions_between(
    lower_position bigint,
    upper_position bigint
)
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select greatest(
    0,
    upper_position - lower_position - coalesce((
        select sum(least(r.first_position - 1, upper_position) - greatest(r.last_position, lower_position))
        from esdb._lost_ranges() as r
        where r.first_position - 1 > lower_position
            and r.last_position < upper_position
    ), 0)
)::bigint
$function$;

comment on function esdb._positions_between(bigint, bigint) is
    'How many positions lie between two, those not counted that epochs have jumped over.';

revoke all on function esdb._positions_between(bigint, bigint) from public;
