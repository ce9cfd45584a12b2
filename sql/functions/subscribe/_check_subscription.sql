-- Refuses what is wrong with the arguments of create_subscription(), but for filters and position. Errors: SE009.
create or replace function esdb._check_subscription(
    name text,
    partitions integer,
    max_attempts integer,
    on_failure text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (length(name) between 1 and 255) is not true then
        perform esdb._invalid_argument('name', coalesce(length(name) || ' characters', 'null'), 'Pass 1 to 255 characters.');
    end if;
    if (partitions between 1 and 1024) is not true then
        perform esdb._invalid_argument('partitions', coalesce(partitions::text, 'null'), 'Pass a number from 1 to 1024.');
    end if;
    if (max_attempts between 1 and 1000000) is not true then
        perform esdb._invalid_argument('max_attempts', coalesce(max_attempts::text, 'null'), 'Pass a number from 1 to 1000000.');
    end if;
    if (on_failure in ('park', 'stop')) is not true then
        perform esdb._invalid_argument('on_failure', coalesce(on_failure, 'null'), 'Pass park or stop.');
    end if;
end
$function$;

comment on function esdb._check_subscription(text, integer, integer, text) is
    'Raises for the first argument of create_subscription() that is wrong. Errors: SE009.';

revoke all on function esdb._check_subscription(text, integer, integer, text) from public;
