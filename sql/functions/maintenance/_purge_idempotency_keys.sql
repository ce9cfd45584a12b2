-- Removes up to max_count idempotency keys that are past idempotency_retention, and returns how many: fewer than
-- max_count means that no more are to be had now. One batch, for a transaction of its own.
--
-- Waits for nobody: a key that an append is just taking over is left to it. Such an append that comes while the batch
-- runs waits until the batch is committed; any other goes on. Finds the keys by the BRIN index on created_at, whose
-- order the table keeps nearly, so a batch that finds nothing reads nothing of the keys still known.
-- Notes how many in the audit log. Locks: the keys removed, until the transaction ends. Errors: SE009.
create or replace function esdb._purge_idempotency_keys(
    max_count integer default 10000
)
returns bigint
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    _retention constant interval := esdb._setting('idempotency_retention')::interval;
    -- no later than when an append asks, so a key that is still known stays
    _until constant timestamptz := clock_timestamp() - _retention;
    _removed bigint;
begin
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    delete from esdb.idempotency_keys as d
    where d.ctid = any (array(
        select k.ctid
        from esdb.idempotency_keys as k
        where k.created_at < _until
        limit max_count
        for update skip locked
    ));
    get diagnostics _removed = row_count;
    if _removed > 0 then
        perform esdb._audit(
            'clean up', 'idempotency keys', jsonb_build_object('older_than', _retention), _removed);
    end if;
    return _removed;
end
$function$;

comment on function esdb._purge_idempotency_keys(integer) is
    'Removes a batch of idempotency keys past idempotency_retention and returns how many. Errors: SE009.';

revoke all on function esdb._purge_idempotency_keys(integer) from public;
-- `esdb maintain` commits after each batch
grant execute on function esdb._purge_idempotency_keys(integer) to esdb_maintainer;
