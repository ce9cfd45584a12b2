-- The transactions that have announced appends and are still open: consumers see nothing behind the lowest position of
-- them. One look at the lock manager, as high_water_mark() takes it.
create or replace view esdb.open_appends as
select
    a.pid,
    p.gid as prepared,
    coalesce(s.usename::text, p.owner::text) as principal,
    s.application_name,
    s.client_addr as client_address,
    s.state,
    pg_catalog.clock_timestamp() - coalesce(s.xact_start, p.prepared) as age,
    a.position,
    case
        when s.wait_event is not null then s.wait_event_type || ': ' || s.wait_event
    end as waits_for,
    case when a.pid is not null then pg_catalog.pg_blocking_pids(a.pid) end as blocked_by,
    case
        when p.gid is not null then pg_catalog.format('rollback prepared %L', p.gid)
        else pg_catalog.format('select pg_terminate_backend(%s)', a.pid)
    end as ended_by
from (
    select
        l.pid,
        -- of a prepared transaction the lock on its own id tells which one it is
        min(l.transactionid::text) filter (where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock') as xid,
        min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) filter (
            where l.locktype = 'advisory' and l.objsubid = 1 and (l.classid::bigint >> 16) = 29281
                and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
        ) as position
    from pg_catalog.pg_locks as l
    where l.granted and l.locktype in ('advisory', 'transactionid')
    group by l.pid, l.virtualtransaction
) as a
left join pg_catalog.pg_stat_activity as s on s.pid = a.pid
left join pg_catalog.pg_prepared_xacts as p on a.pid is null and p.transaction::text = a.xid
where a.position is not null
order by a.position, a.pid;

comment on view esdb.open_appends is
    'The transactions that have appended and are still open, the oldest announcement first: consumers see events up to its position, and nothing behind it until it ends. principal: the role that is connected, or that prepared it; age: since the transaction began; state, age, waits_for are null where the reader may not see other roles'' sessions (members of pg_monitor may); blocked_by: the sessions it waits for; ended_by: the statement that ends it, and with it its appends. A query looks once at the lock table: 0.1 ms, beside many thousand locks some 10 ms. Worry from an age of a few seconds on.';

revoke all on esdb.open_appends from public;
grant select on esdb.open_appends to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
