-- Whether the server's lock table has room for the store's partitions: for one context's, which is what the store itself
-- needs at most, for pg_dump, which locks every table, and for what is locked now. Reads the catalog and once the lock table,
-- locks nothing.
create or replace function esdb_meta.doctor_lock_table()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
with room as (
    select
        current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint
            + current_setting('autovacuum_max_workers')::bigint + current_setting('max_worker_processes')::bigint
            + current_setting('max_wal_senders')::bigint + 1 as places,
        current_setting('max_locks_per_transaction')::bigint as each
),
need as (
    select
        max(context.locks) as of_a_context,
        sum(context.tables) + (
            select count(*)
            from pg_class as t
            where t.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
                and t.relkind in ('r', 'p')
                and not t.relispartition
        ) as of_a_dump
    from (
        select
            count(*) + sum((select count(*) from pg_index as i where i.indrelid = leaf.inhrelid)) as locks,
            count(*) + 1 as tables
        from pg_inherits as tree
        join pg_inherits as leaf on leaf.inhparent = tree.inhrelid
        where tree.inhparent = to_regclass('esdb.events')
        group by tree.inhrelid
    ) as context
),
held as (
    select
        -- prepared transactions have no pid, and a finding of their own
        (array_agg(l.pid order by l.locks desc) filter (where l.pid is not null))[1] as pid,
        max(l.locks) filter (where l.pid is not null) as most,
        sum(l.locks) as all_locks
    from (
        select h.pid, count(*) as locks
        from pg_locks as h
        where not h.fastpath and h.locktype <> 'virtualxid' and h.pid <> pg_backend_pid()
        group by h.pid
    ) as l
)
select
    'lock_table_small',
    'warning',
    'setting max_locks_per_transaction',
    format('%s gives all sessions room for some %s locks; the partitions of one context take %s, pg_dump takes %s',
        room.each, room.each * room.places, need.of_a_context, need.of_a_dump),
    fix.mend,
    fix.mend_by
from room
cross join need
cross join lateral (
    select (2 ^ ceil(log(2, 2.0 * greatest(need.of_a_context, need.of_a_dump) / room.places)))::bigint as wanted
) as next
cross join lateral esdb_meta.doctor_setting('max_locks_per_transaction', greatest(next.wanted, 2 * room.each)::text) as fix
where 4 * greatest(need.of_a_context, need.of_a_dump) > 3 * room.each * room.places
union all
select
    'lock_table_full',
    'critical',
    'pid ' || held.pid,
    format('holds %s of the %s locks that all sessions hold; there is room for some %s', held.most, held.all_locks,
        room.each * room.places),
    format('select pg_terminate_backend(%s);', held.pid),
    'sql'
from room
cross join held
where 4 * held.all_locks > 3 * room.each * room.places
    and held.pid is not null
$function$;

comment on function esdb_meta.doctor_lock_table() is
    'Findings of `esdb doctor` about max_locks_per_transaction: too small for the partitions, or the lock table is nearly full.';

revoke all on function esdb_meta.doctor_lock_table() from public;
grant execute on function esdb_meta.doctor_lock_table() to esdb_maintainer;
