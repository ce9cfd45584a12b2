-- The time inside a ULID. Locks nothing. Errors: SE009 for what is no ULID.
create or replace function esdb.ulid_timestamp(
    id text
)
returns timestamptz
language plpgsql
immutable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _milliseconds bigint := 0;
begin
    if not esdb._is_ulid(ulid_timestamp.id) then
        perform esdb._invalid_argument(
            'id', 'not a ULID', 'A ULID has 26 characters of 0–9 and A–Z without I, L, O and U, the first at most 7.');
    end if;
    for _place in 1..10 loop
        _milliseconds := _milliseconds * 32
            + strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', upper(substr(ulid_timestamp.id, _place, 1) collate "C")) - 1;
    end loop;
    -- whole seconds and the rest apart: a double holds microseconds exactly only while the number stays small
    return to_timestamp(_milliseconds / 1000) + (_milliseconds % 1000) * interval '1 millisecond';
end
$function$;

comment on function esdb.ulid_timestamp(text) is
    'The time (to the millisecond) inside a ULID, in either case. Errors: SE009 when id is no ULID.';

revoke all on function esdb.ulid_timestamp(text) from public;
grant execute on function esdb.ulid_timestamp(text) to esdb_reader, esdb_writer, esdb_maintainer;
