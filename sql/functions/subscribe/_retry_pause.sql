-- How long a partition rests after the attempt of this number failed: retry_delay, doubled with each attempt, up to
-- retry_delay_limit. The exponent stays below where an interval would overflow.
create or replace function esdb._retry_pause(
    attempts integer
)
returns interval
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select least(
    esdb._setting('retry_delay')::interval * (2 ^ least(attempts - 1, 20)),
    esdb._setting('retry_delay_limit')::interval
)
$function$;

comment on function esdb._retry_pause(integer) is 'How long a partition rests after a failed attempt.';

revoke all on function esdb._retry_pause(integer) from public;
