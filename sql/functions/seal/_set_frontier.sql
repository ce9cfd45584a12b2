-- Finds esdb.seal_frontier anew: in the transaction that unseals a partition, and when many were sealed, because a seal
-- leaves it true. The caller holds esdb._lock_maintenance(), so that no partition is made meanwhile.
--
-- The mark is found first: what is visible after that is all that there will ever be up to it. Looks up the lowest
-- position of each unsealed leaf, one after the other, each locked in ACCESS SHARE only meanwhile. Errors: SE011.
create or replace function esdb._set_frontier()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _mark constant bigint := esdb.high_water_mark();
    _leaf record;
    _position bigint;
    _month timestamptz := 'infinity';
begin
    for _leaf in
        select p.leaf, p.lower_bound
        from esdb._unsealed_leaves as p
    loop
        _position := least(_position, esdb._edge_position(_leaf.leaf, -1) - 1);
        _month := least(_month, _leaf.lower_bound);
    end loop;
    update esdb.seal_frontier as f
    set month = _month, position = least(_mark, _position);
end
$function$;

comment on function esdb._set_frontier() is 'Finds esdb.seal_frontier anew. Errors: SE011.';

revoke all on function esdb._set_frontier() from public;
