-- The lowest (edge -1) or highest (edge 1) position in a leaf, by its index; null: it is empty, or gone by now. Of any
-- other table it says nothing. Locks the leaf in ACCESS SHARE until the transaction ends.
create or replace function esdb._edge_position(
    leaf oid,
    edge integer
)
returns bigint
language plpgsql
stable
parallel safe
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
    execute format('select %s(e.position) from only %s as e', case when edge < 0 then 'min' else 'max' end, leaf::regclass)
        into _position;
    return _position;
exception
    when undefined_table then
        return null;
end
$function$;

comment on function esdb._edge_position(oid, integer) is
    'The lowest (edge -1) or highest (edge 1) position in a leaf of esdb.events; null: none.';

revoke all on function esdb._edge_position(oid, integer) from public;
-- the view esdb.partitions calls it as its reader
grant execute on function esdb._edge_position(oid, integer) to esdb_reader, esdb_writer, esdb_maintainer;
