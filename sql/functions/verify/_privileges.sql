-- An access list as text, one entry a grant (`esdb_writer: EXECUTE`), without the owner's own rights: whose object it
-- is says the owner. kind is acldefault()'s: r table, s sequence, f function, n schema, T type. Locks nothing.
create or replace function esdb_meta._privileges(
    kind "char",
    access_list aclitem[],
    owner oid
)
returns text[]
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(array_agg(distinct
    case granted.grantee when 0 then 'PUBLIC' else pg_get_userbyid(granted.grantee) end
    || ': ' || granted.privilege_type
    || case when granted.is_grantable then ' with grant option' else '' end
), '{}')
from aclexplode(coalesce(_privileges.access_list, acldefault(_privileges.kind, _privileges.owner))) as granted
where granted.grantee <> _privileges.owner
$function$;

comment on function esdb_meta._privileges("char", aclitem[], oid) is 'Who but the owner may do what, as sorted text.';

revoke all on function esdb_meta._privileges("char", aclitem[], oid) from public;
