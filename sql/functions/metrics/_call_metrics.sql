-- Samples of the calls of the store's functions, for esdb.metrics, where the extension pg_stat_statements is installed and
-- loaded; else none. The fifty statements called most often, each a series of its own: the extension forgets those that
-- are seldom called, and a sum over all would step back then, which to a counter means that everything came anew.
--
-- Runs as its caller, who sees the texts of other roles' statements only as a member of pg_read_all_stats.
-- Locks nothing beyond the extension's view.
create or replace function esdb._call_metrics()
returns table (
    metric text,
    labels jsonb,
    value double precision
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _schema constant text := (
        select n.nspname
        from pg_extension as x
        join pg_namespace as n on n.oid = x.extnamespace
        where x.extname = 'pg_stat_statements'
    );
begin
    if _schema is null then
        return;
    end if;
    for metric, labels, value in execute format(
        $query$
        select
            sample.metric,
            jsonb_build_object(
                'function', c.function, 'role', c.role, 'query', c.queryid::text),
            sample.value
        from (
            select
                (regexp_match(q.query, $1))[2] as function,
                coalesce(r.rolname::text, q.userid::text) as role,
                q.queryid,
                q.calls::double precision as calls,
                q.total_exec_time / 1000 as seconds
            from %I.pg_stat_statements as q
            left join pg_roles as r on r.oid = q.userid
            where q.toplevel
                and q.dbid = (select d.oid from pg_database as d where d.datname = current_database())
                and q.queryid is not null
                and q.query ~ $1
                -- what makes the functions names them too
                and q.query ~* $2
            order by q.calls desc, q.queryid
            limit 50
        ) as c
        cross join lateral (
            values
                ('esdb_call_count_total', c.calls),
                ('esdb_call_seconds_total', c.seconds)
        ) as sample (metric, value)
        $query$, _schema)
        using
            '(^|[^a-z0-9_])(append_event|append_events|append_to_streams|load_aggregate|read_stream|read_all|claim_events|ack)'
            '"?[[:space:]]*[(]',
            format('^([[:space:]]|--[^%1$s]*%1$s|/[*].*?[*]/)*(select|with|call|insert|values)[^a-z]', chr(10))
    loop
        return next;
    end loop;
exception
    -- not loaded, not to be read, or as an older server left it
    when object_not_in_prerequisite_state or insufficient_privilege or undefined_column or undefined_table then
        return;
end
$function$;

comment on function esdb._call_metrics() is
    'Samples of the calls of the store''s functions, from pg_stat_statements, for the view esdb.metrics.';

revoke all on function esdb._call_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._call_metrics() to esdb_reader, esdb_maintainer;
