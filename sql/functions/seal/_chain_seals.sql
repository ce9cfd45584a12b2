-- Chains the digests of esdb.seals anew from a number on, after a seal was added or one before it was removed. Those
-- before are left as they are, and so is what somebody altered in them. The caller holds esdb._lock_maintenance().
create or replace function esdb._chain_seals(
    from_number bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _digest bytea := (select s.digest from esdb.seals as s where s.number < from_number order by s.number desc limit 1);
    _number bigint;
begin
    for _number in
        select s.number
        from esdb.seals as s
        where s.number >= from_number
        order by s.number
    loop
        _digest := sha256(coalesce(_digest, '') || convert_to(esdb._seal_line(_number), 'UTF8'));
        update esdb.seals as s
        set digest = _digest
        where s.number = _number;
    end loop;
end
$function$;

comment on function esdb._chain_seals(bigint) is 'Chains the digests of esdb.seals anew from a number on.';

revoke all on function esdb._chain_seals(bigint) from public;
