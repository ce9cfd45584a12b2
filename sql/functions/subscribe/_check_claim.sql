-- Refuses what is wrong with the arguments of claim_events(), and a standby, which can note no lease. Errors: SE009, 55000.
create or replace function esdb._check_claim(
    worker text,
    max_count integer,
    lease interval
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (length(worker) between 1 and 255) is not true then
        perform esdb._invalid_argument('worker', coalesce(length(worker) || ' characters', 'null'), 'Pass 1 to 255 characters.');
    end if;
    if (max_count between 1 and 10000) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 to 10000.');
    end if;
    if (lease > '0' and lease <= '1 day') is not true then
        perform esdb._invalid_argument('lease', coalesce(lease::text, 'null'), 'Pass an interval above 0, up to a day.');
    end if;
    if pg_is_in_recovery() then
        raise exception 'subscriptions need the primary'
            using errcode = 'object_not_in_prerequisite_state',
                  detail = 'this server is a standby and can note no lease',
                  hint = 'Claim on the primary, or read here with esdb.read_all() and keep the cursor elsewhere.';
    end if;
end
$function$;

comment on function esdb._check_claim(text, integer, interval) is
    'Raises for the first argument of claim_events() that is wrong, and on a standby. Errors: SE009, 55000.';

revoke all on function esdb._check_claim(text, integer, interval) from public;
