-- A stream that is appended to all the time while somebody holds an old snapshot: every version of its row is kept, and,
-- once its head is detached, of that. Looks at the sessions, at the dead rows counted of both tables and, if both are
-- conspicuous, at the last 1,000 events of the feed for the stream. Locks what read_all() locks. Errors: SE011.
create or replace function esdb_meta.doctor_hot_stream()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _dead constant bigint :=
        pg_stat_get_dead_tuples('esdb.streams'::regclass) + pg_stat_get_dead_tuples('esdb.detached_heads'::regclass);
    _holder record;
begin
    if _dead < 5000 then
        return;
    end if;
    select h.*
    into _holder
    from (
        select
            format('pid %s (%s, %s)', s.pid, s.usename, s.application_name) as name,
            s.xact_start as since,
            format('select pg_terminate_backend(%s);', s.pid) as mend
        from pg_stat_activity as s
        where s.datname = current_database()
            and s.pid <> pg_backend_pid()
            and s.backend_type = 'client backend'
            and s.backend_xmin is not null
        union all
        select 'prepared transaction ' || p.gid, p.prepared, format('rollback prepared %L;', p.gid)
        from pg_prepared_xacts as p
        where p.database = current_database()
    ) as h
    where h.since + interval '30 seconds' <= clock_timestamp()
    order by h.since
    limit 1;
    if not found then
        return;
    end if;
    finding := 'hot_stream';
    severity := 'warning';
    mend := _holder.mend;
    mend_by := 'sql';
    for subject, fact in
        select
            'stream ' || e.aggregate_id,
            format('%s of the last 1,000 events are its; %s holds a snapshot since %s, and streams have %s dead rows',
                count(*), _holder.name, date_trunc('second', _holder.since), _dead)
        from esdb.read_all(max_count => 1000, backward => true) as e
        group by e.aggregate_id
        having count(*) >= 100
        order by count(*) desc
    loop
        return next;
    end loop;
end
$function$;

comment on function esdb_meta.doctor_hot_stream() is
    'Findings of `esdb doctor` about a hot stream under a snapshot older than 30 seconds. Errors: SE011.';

revoke all on function esdb_meta.doctor_hot_stream() from public;
grant execute on function esdb_meta.doctor_hot_stream() to esdb_maintainer;
