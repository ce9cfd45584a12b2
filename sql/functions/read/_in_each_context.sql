-- Runs a query on the table of one context after the other and returns what it returns from all. query is ours, never a
-- caller's: %I in it is the table, $1 is argument, $2 and $3 are the times.
--
-- As one statement on esdb.events it would lock every leaf of the store and every index on them at once: more than the
-- server's lock table has room for when the store is old. Here each context has an inner block that always ends in an
-- error of our own: that gives its locks back, while the rows found are kept. So no more is held than one context's
-- locks, and none when it returns. Every statement sees the snapshot of the one that called.
create or replace function esdb._in_each_context(
    query text,
    argument text default null,
    from_time timestamptz default null,
    to_time timestamptz default null
)
returns setof record
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
-- @plpgsql_check_options: security_warnings = off
declare
    _table text;
begin
    for _table in
        select context_table.relname
        from pg_inherits as tree
        join pg_class as context_table on context_table.oid = tree.inhrelid
        where tree.inhparent = 'esdb.events'::regclass
        order by context_table.relname
    loop
        begin
            return query execute format(query, _table) using argument, from_time, to_time;
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
    end loop;
end
$function$;

comment on function esdb._in_each_context(text, text, timestamptz, timestamptz) is
    'What a query returns from the tables of all contexts, without holding more than one context''s locks.';

revoke all on function esdb._in_each_context(text, text, timestamptz, timestamptz) from public;
