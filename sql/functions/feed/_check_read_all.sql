-- Refuses what is wrong with the arguments of read_all(). Locks nothing. Errors: SE009, SE011, SE022.
create or replace function esdb._check_read_all(
    after_position bigint,
    max_count integer,
    backward boolean,
    up_to_position bigint,
    skip_archived boolean,
    last_position bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform esdb._check_feed_isolation();
    if (after_position >= 0) is not true then
        perform esdb._invalid_argument(
            'after_position', coalesce(after_position::text, 'null'), 'Pass 0 for the beginning, else the last position handled.');
    end if;
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if backward is null or skip_archived is null then
        perform esdb._invalid_argument(
            case when backward is null then 'backward' else 'skip_archived' end, 'null', 'Pass true or false.');
    end if;
    if up_to_position < 0 then
        perform esdb._invalid_argument('up_to_position', up_to_position::text, 'Pass a position or null.');
    end if;
    perform esdb._check_position(after_position, last_position);
end
$function$;

comment on function esdb._check_read_all(bigint, integer, boolean, bigint, boolean, bigint) is
    'Raises for the first argument of read_all() that is wrong. Errors: SE009, SE011, SE022.';

revoke all on function esdb._check_read_all(bigint, integer, boolean, bigint, boolean, bigint) from public;
