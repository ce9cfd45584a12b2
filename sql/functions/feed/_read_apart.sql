-- Runs the queries of read_all(), each of one context, one after the other and returns what all of them return, in no
-- order: for a stretch of the feed that lies in so many leaves that one statement on them would need more locks than the
-- server has room for. queries are ours; their arguments, $1 to $7, are those of read_all()'s own.
--
-- As in esdb._in_each_context(), an inner block ends in an error of our own, which gives the locks back and keeps the
-- rows. All of them see the snapshot of the statement that called.
create or replace function esdb._read_apart(
    queries text[],
    lower_position bigint,
    upper_position bigint,
    group_contexts text[],
    feature_contexts text[],
    event_types text[],
    aggregate_types text[],
    max_count integer
)
returns setof esdb.events
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
-- stable, so that all queries see one snapshot; @plpgsql_check_options: performance_warnings = off
declare
    _query text;
begin
    foreach _query in array queries loop
        begin
            return query execute _query
                using lower_position, upper_position, group_contexts::bpchar[], feature_contexts::bpchar[], event_types,
                    aggregate_types, max_count;
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
    end loop;
end
$function$;

comment on function esdb._read_apart(text[], bigint, bigint, text[], text[], text[], text[], integer) is
    'What read_all()''s queries of single contexts return, without holding more than one context''s locks.';

revoke all on function esdb._read_apart(text[], bigint, bigint, text[], text[], text[], text[], integer) from public;
