-- Puts a mark into a table, once a second at most, for recover() after a dump: a dump's snapshot that has the row has every
-- event up to the mark. Nobody waits for the row: who finds it locked leaves it. Under REPEATABLE READ even that could
-- fail an append, so there the row stays as it is.
-- Locks, until the transaction ends: the row.
create or replace function esdb._record_dumped_mark(
    mark bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if current_setting('transaction_isolation') = 'read committed' then
        perform
        from esdb.dumped_mark as d
        where d.position < mark and d.recorded_at < clock_timestamp() - interval '1 second'
        for no key update skip locked;
        if found then
            -- a statement of its own, which sees the row as it was locked: below the mark
            update esdb.dumped_mark as d
            set position = mark, recorded_at = clock_timestamp()
            where true;
        end if;
    end if;
end
$function$;

comment on function esdb._record_dumped_mark(bigint) is 'Puts a mark into a table, once a second at most, for a restored dump.';

revoke all on function esdb._record_dumped_mark(bigint) from public;
