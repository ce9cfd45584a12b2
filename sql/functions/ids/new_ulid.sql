-- A new ULID, as the store gives events that come without an id. Locks nothing. Errors: SE009.
create or replace function esdb.new_ulid(
    at timestamptz default pg_catalog.clock_timestamp()
)
returns text
language plpgsql
volatile
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _milliseconds bigint;
    _halves bigint;
    _random bytea := uuid_send(gen_random_uuid());
begin
    -- the specification's time is 48 bits wide and starts in 1970
    if (new_ulid.at >= '1970-01-01 00:00:00+00' and new_ulid.at < '10889-08-02 05:31:50.656+00') is not true then
        perform esdb._invalid_argument('at', 'outside the years 1970 to 10889', 'Pass a time a ULID can hold.');
    end if;
    _milliseconds := floor(extract(epoch from new_ulid.at) * 1000)::bigint;
    _halves := esdb._ulid_halves(_milliseconds);
    return esdb._ulid(_halves, _random);
end
$function$;

comment on function esdb.new_ulid(timestamptz) is
    'A ULID: 26 characters that sort by time (milliseconds), then randomly. at: its time, 1970 to 10889. Errors: SE009.';

revoke all on function esdb.new_ulid(timestamptz) from public;
grant execute on function esdb.new_ulid(timestamptz) to esdb_reader, esdb_writer, esdb_maintainer;
