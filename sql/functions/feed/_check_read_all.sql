-- Refuses what is wrong with the arguments of read_all(). Locks nothing. Errors: SE005, SE009, SE011, SE022, 55000.
create or replace function esdb._check_read_all(
    after_position bigint,
    max_count integer,
    backward boolean,
    up_to_position bigint,
    bounded_contexts text[],
    last_position bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _unknown text;
begin
    perform esdb._check_feed_isolation();
    if (after_position >= 0) is not true then
        perform esdb._invalid_argument(
            'after_position', coalesce(after_position::text, 'null'), 'Pass 0 for the beginning, else the last position handled.');
    end if;
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if backward is null then
        perform esdb._invalid_argument('backward', 'null', 'Pass true or false.');
    end if;
    if up_to_position < 0 then
        perform esdb._invalid_argument('up_to_position', up_to_position::text, 'Pass a position or null.');
    end if;
    if after_position > last_position then
        raise exception 'position unknown: %', after_position
            using errcode = 'SE022',
                  detail = format('after_position is %s, the store''s last position is %s', after_position, last_position),
                  hint = 'The cursor belongs to another store or to a time before a restore: find out which, then start again from a position that this store knows.';
    end if;
    if bounded_contexts is not null then
        select string_agg(coalesce(w.code, 'null'), ', ')
        into _unknown
        from unnest(bounded_contexts) as w (code)
        where not exists (select from esdb.bounded_contexts as c where c.code = w.code);
        if _unknown is not null then
            perform esdb._unknown_context(
                'bounded', _unknown, array(select c.code::text from esdb.bounded_contexts as c order by c.code));
        end if;
    end if;
end
$function$;

comment on function esdb._check_read_all(bigint, integer, boolean, bigint, text[], bigint) is
    'Raises for the first argument of read_all() that is wrong. Errors: SE005, SE009, SE011, SE022.';

revoke all on function esdb._check_read_all(bigint, integer, boolean, bigint, text[], bigint) from public;
