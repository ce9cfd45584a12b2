-- The name of a leaf: events_bookmark_y2026m11 for a month, with the last month appended for a span of several.
create or replace function esdb._partition_name(
    context_name text,
    lower_bound timestamptz,
    upper_bound timestamptz
)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select 'events_' || context_name
    || to_char(lower_bound at time zone 'UTC', '"_y"YYYY"m"MM')
    || case
        when upper_bound <= esdb._utc_month(lower_bound, 1) then ''
        else to_char(esdb._utc_month(upper_bound, -1) at time zone 'UTC', '"_y"YYYY"m"MM')
    end
$function$;

comment on function esdb._partition_name(text, timestamptz, timestamptz) is 'The name of the leaf with these bounds.';

revoke all on function esdb._partition_name(text, timestamptz, timestamptz) from public;
