-- The lines of a leaf's events in the order of their positions, page by page: the very bytes that
-- esdb_meta.digest_events() digests (see there), whatever the session's settings and the database's encoding. The next
-- call begins after the last position; no transaction need be held in between. Bytes and not text, so that neither the
-- client's encoding nor COPY's escapes change them. Locks the leaf in ACCESS SHARE until the transaction ends.
create or replace function esdb_meta.event_lines(
    leaf oid,
    after_position bigint default 0,
    max_count integer default 1000
)
returns table (
    "position" bigint,
    line bytea
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
begin
    for "position", line in
        execute format(
            'select e.position, convert_to(row_to_json(e)::text, $1) from only %s as e'
            ' where e.position > $2 order by e.position limit $3',
            leaf::regclass)
            using 'UTF8', after_position, max_count
    loop
        return next;
    end loop;
end
$function$;

comment on function esdb_meta.event_lines(oid, bigint, integer) is
    'A page of a leaf''s events as lines of JSON in UTF-8, by position: what its digest is over, and what its archive holds.';

revoke all on function esdb_meta.event_lines(oid, bigint, integer) from public;
