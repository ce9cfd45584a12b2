-- A stream's row, locked until the transaction ends; a row of nulls for a stream that does not exist. In that case the
-- caller must not look for the row again before it has tried to make it: a repetition of an append is recognised by what
-- the stream holds while its row is locked, and another session may be making it right now.
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
    select s.*
    into _stream
    from esdb.streams as s
    where s.aggregate_id = _lock_stream.aggregate_id
    for no key update;
    if _stream.aggregate_id is not null and _stream.version is null then
        -- a statement of its own: it sees what the lock's last holder did
        select s.*
        into _stream
        from esdb._streams as s
        where s.aggregate_id = _lock_stream.aggregate_id;
    end if;
    return _stream;
end
$function$;

comment on function esdb._lock_stream(text) is 'Locks a stream and returns its row; nulls when there is none.';

revoke all on function esdb._lock_stream(text) from public;
