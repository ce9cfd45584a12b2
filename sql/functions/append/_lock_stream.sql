-- A stream's row, locked until the transaction ends; a row of nulls for a stream that does not exist, whose name is
-- then locked, so that of two sessions about to make it the second sees what the first did.
create or replace function esdb._lock_stream(
    aggregate_id text
)
returns esdb.streams
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
begin
    for _attempt in 1..2 loop
        select s.*
        into _stream
        from esdb.streams as s
        where s.aggregate_id = _lock_stream.aggregate_id
        for no key update;
        exit when found or _attempt = 2;
        perform pg_advisory_xact_lock(
            (29284::bigint << 48) | (hashtextextended(_lock_stream.aggregate_id, 0) & 281474976710655));
    end loop;
    return _stream;
end
$function$;

comment on function esdb._lock_stream(text) is 'Locks a stream, or the name of one that does not exist, and returns its row.';

revoke all on function esdb._lock_stream(text) from public;
