-- Whether the server takes a write and makes it durable, for `esdb health`: a message of a few bytes goes into the
-- write-ahead log with this transaction's commit, which then waits for the disk, and for a synchronous standby, as an
-- append's does. It leaves nothing in any table. Locks nothing.
create or replace function esdb._health_of_writes()
returns table (
    is_ok boolean,
    detail text,
    hint text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    is_ok := false;
    if pg_is_in_recovery() then
        detail := 'the server is a standby, or still recovering';
        hint := 'connect to the primary, or leave this check out on a standby: --skip writable';
    elsif current_setting('transaction_read_only') = 'on' then
        detail := 'transactions are read-only';
        hint := 'see default_transaction_read_only of the server, the database and the role';
    else
        perform pg_logical_emit_message(true, 'esdb', 'health');
        is_ok := true;
        detail := 'a commit was made durable';
    end if;
    return next;
end
$function$;

comment on function esdb._health_of_writes() is
    'Whether the server takes a write, made durable with the caller''s commit, for `esdb health ready`.';

revoke all on function esdb._health_of_writes() from public;
-- a probe may be any role's
grant execute on function esdb._health_of_writes() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
