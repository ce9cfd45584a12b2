-- Refuses a cursor that this store cannot have given: it lies beyond the last position drawn. Locks nothing. Errors: SE022.
create or replace function esdb._check_position(
    cursor_position bigint,
    last_position bigint default coalesce(pg_catalog.pg_sequence_last_value('esdb.event_position'::regclass), 0)
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if cursor_position > last_position then
        raise exception 'position unknown: %', cursor_position
            using errcode = 'SE022',
                  detail = format('after_position is %s, the store''s last position is %s', cursor_position, last_position),
                  hint = 'The cursor belongs to another store or to a time before a restore: find out which, then start again from a position that this store knows.';
    end if;
end
$function$;

comment on function esdb._check_position(bigint, bigint) is 'Raises SE022 for a cursor beyond the last position.';

revoke all on function esdb._check_position(bigint, bigint) from public;
