-- The lowest (edge -1) or highest (edge 1) position in a leaf, by its index; null: it is empty, or gone by now. Of any
-- other table it says nothing.
--
-- Locks the leaf and its indexes in ACCESS SHARE, and lets them go at once: what is read in a subtransaction that ends in
-- an error takes its locks along. A list of a thousand leaves would else need more locks than a server has.
create or replace function esdb._edge_position(
    leaf oid,
    edge integer
)
returns bigint
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _position bigint;
begin
    if not exists (
        select
        from pg_inherits as tree
        join pg_inherits as context_tree on context_tree.inhrelid = tree.inhparent
        where tree.inhrelid = leaf and context_tree.inhparent = 'esdb.events'::regclass
    ) then
        return null;
    end if;
    begin
        execute format('select %s(e.position) from only %s as e', case when edge < 0 then 'min' else 'max' end, leaf::regclass)
            into _position;
        raise exception 'the locks go' using errcode = 'SE000';
    exception
        when sqlstate 'SE000' or undefined_table then
            return _position;
    end;
end
$function$;

comment on function esdb._edge_position(oid, integer) is
    'The lowest (edge -1) or highest (edge 1) position in a leaf of esdb.events; null: none.';

revoke all on function esdb._edge_position(oid, integer) from public;
-- the view esdb.partitions calls it as its reader
grant execute on function esdb._edge_position(oid, integer) to esdb_reader, esdb_writer, esdb_maintainer;
