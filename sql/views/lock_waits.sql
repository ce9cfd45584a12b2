-- Who waits for whose lock in this database, on which stream, and what ends it. A look at the lock table and one for each
-- who waits, as pg_blocking_pids() takes it; locks nothing.
create or replace view esdb.lock_waits as
with recursive
locks as materialized (
    select l.*
    from pg_catalog.pg_locks as l
    where coalesce(l.database, 0) in (
        0, (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
    )
),
waits as materialized (
    select
        l.*,
        held.relation as row_of,
        held.page as row_page,
        held.tuple as row_tuple,
        pg_catalog.pg_blocking_pids(l.pid) as blocked_by
    from locks as l
    join pg_catalog.pg_stat_activity as a on a.pid = l.pid and a.datname = pg_catalog.current_database()
    -- the row for which it queues, or, as the first of the queue, for the end of whose last writer it waits
    left join lateral (
        select t.relation, t.page, t.tuple
        from locks as t
        where t.pid = l.pid and t.locktype = 'tuple' and l.locktype in ('tuple', 'transactionid')
        order by t.granted
        limit 1
    ) as held on true
    where not l.granted
),
blockers as materialized (
    select w.pid as waiter, b.pid, null::text as prepared
    from waits as w
    cross join lateral pg_catalog.unnest(w.blocked_by) as b (pid)
    where b.pid <> 0
    union
    -- pg_blocking_pids() says 0 for a prepared one
    select w.pid as waiter, null::integer as pid, p.gid as prepared
    from waits as w
    join locks as h
        on h.granted and h.pid is null and h.locktype = w.locktype
        and pg_catalog.jsonb_build_array(
            h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid::text, h.classid, h.objid, h.objsubid)
        = pg_catalog.jsonb_build_array(
            w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid::text, w.classid, w.objid, w.objsubid)
    join locks as own
        on own.pid is null and own.virtualtransaction = h.virtualtransaction and own.locktype = 'transactionid'
        and own.mode = 'ExclusiveLock'
    join pg_catalog.pg_prepared_xacts as p on p.transaction::text = own.transactionid::text
    where 0 = any(w.blocked_by)
),
chains as (
    select b.waiter, b.pid, b.prepared
    from blockers as b
    union
    select c.waiter, b.pid, b.prepared
    from chains as c
    join blockers as b on b.waiter = c.pid
)
select
    w.pid,
    s.usename::text as principal,
    s.application_name,
    s.client_addr as client_address,
    pg_catalog.clock_timestamp() - w.waitstart as waiting,
    what.aggregate_id,
    case
        when what.aggregate_id is not null then 'stream ' || what.aggregate_id
        when what.subscription is not null then pg_catalog.format('subscription %s, partition %s', what.subscription, what.partition)
        when w.row_of is not null then 'a row of ' || w.row_of::regclass
        when w.locktype = 'transactionid' then 'what another has written: a stream, new or in demand, or an id'
        when w.locktype = 'virtualxid' then 'the end of an older transaction'
        when w.relation is not null then pg_catalog.format('%s in %s', w.relation::regclass, w.mode)
        when w.locktype <> 'advisory' then w.locktype
        when w.objsubid = 2 and (w.classid, w.objid) = (1702061154, 1) then 'esdb migrate'
        when w.objsubid = 2 then pg_catalog.format('advisory lock (%s, %s)', w.classid, w.objid)
        when (w.classid::bigint >> 16) = 29282 then 'maintenance of the partitions'
        when (w.classid::bigint >> 16) = 29283 then 'a sequence to be set'
        when (w.classid::bigint >> 16) = 29284 then 'esdb indexes'
        when (w.classid::bigint >> 16) = 29285 then 'a step of esdb maintain'
        else pg_catalog.format('advisory lock %s', (w.classid::bigint << 32) | w.objid::bigint)
    end as waits_for,
    w.blocked_by,
    root.pid as root_pid,
    root.prepared as root_prepared,
    coalesce(r.usename::text, p.owner::text) as root_principal,
    r.application_name as root_application_name,
    r.client_addr as root_client_address,
    r.state as root_state,
    pg_catalog.clock_timestamp() - coalesce(r.xact_start, p.prepared) as root_age,
    pg_catalog.left(r.query, 500) as root_query,
    case
        when root.prepared is not null then pg_catalog.format('rollback prepared %L', root.prepared)
        when root.pid is not null then pg_catalog.format('select pg_terminate_backend(%s)', root.pid)
    end as ended_by
from waits as w
left join pg_catalog.pg_stat_activity as s on s.pid = w.pid
left join chains as root
    on root.waiter = w.pid and not exists (select from waits as o where o.pid = root.pid)
left join pg_catalog.pg_stat_activity as r on r.pid = root.pid
left join pg_catalog.pg_prepared_xacts as p on p.gid = root.prepared
left join lateral esdb._row_of_tuple(w.row_of, w.row_page, w.row_tuple) as what on w.row_of is not null
order by w.waitstart, w.pid, root.pid, root.prepared;

comment on view esdb.lock_waits is
    'Who waits for a lock in this database, the longest first: one row for each waiting session and each one at the head of its queue. waits_for: the stream, the subscription''s partition, the table or the step of maintenance that it waits for; aggregate_id: of the stream, null where it is only just being made, and of a stream in demand for some of its writers. blocked_by: the sessions it waits for itself; root_…: whom that comes down to, who waits for no lock (null: it ended while the query looked): its state, the age of its transaction, its last statement; ended_by: the statement that ends it, and undoes what it did. ages, states, queries and addresses are null or hidden where the reader may not see other roles'' sessions (members of pg_monitor may); ending one takes pg_signal_backend. A query looks once at the lock table, and once more for each who waits: a few milliseconds, beside a hundred waiting ones some 50. Worry when waiting is over 5 seconds, or when the same root comes again and again: root_state idle in transaction is a program that forgot to commit.';

revoke all on esdb.lock_waits from public;
grant select on esdb.lock_waits to esdb_reader, esdb_writer, esdb_maintainer;
