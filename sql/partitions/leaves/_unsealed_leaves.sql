-- The leaves in the tree of esdb.events that no seal is of. One that was archived and dropped since the snapshot was taken
-- still stands in the catalog as of then, but has no bounds any more: it is sealed. Reads the catalog and esdb.seals.
create or replace view esdb._unsealed_leaves as
select p.*
from esdb._leaves as p
where pg_catalog.num_nonnulls(p.lower_bound, p.upper_bound) > 0
    and not exists (
        select
        from esdb.seals as s
        where s.bounded_context = p.bounded_context and s.lower_bound = p.lower_bound
    );

comment on view esdb._unsealed_leaves is 'The leaves in the tree of esdb.events that are not sealed.';

revoke all on esdb._unsealed_leaves from public;
