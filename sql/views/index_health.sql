-- What is wrong with the indexes, and what mends it: see esdb._index_health().
create or replace view esdb.index_health as
select
    h.table_name,
    h.index_name,
    h.bounded_context,
    h.lower_bound,
    h.definition,
    h.origin,
    h.is_valid,
    h.scans,
    h.index_bytes,
    h.index_size,
    h.bloat_bytes,
    h.bloat,
    h.reasons,
    h.mended_by
from esdb._index_health() as h;

comment on view esdb.index_health is
    'One row an index, and one for each that is missing. origin as in esdb.index_usage. index_bytes as the last VACUUM or ANALYZE found it; bloat_bytes and bloat (a share): what of it a new one would not need, estimated; null: no B-tree, or never analysed. reasons (none: all is well): invalid: a CREATE INDEX or REINDEX was cut short; missing: it was dropped; bloated: over half of at least 10 MB; the same as another one; unused: an optional or own index of at least 1 MB in all that nobody has read by for 30 days. mended_by: the statements, or commands of esdb, that mend it, in this order, outside of a transaction and as the store''s owner. A query reads the catalog alone: some 0.5 s for a thousand partitions; it waits where one is locked for DDL (set lock_timeout). Worry when reasons is not empty: at once about one of origin key that is invalid or missing; and when bloat is over 0.5 in an index that does not fit into memory.';

revoke all on esdb.index_health from public;
grant select on esdb.index_health to esdb_reader, esdb_writer, esdb_maintainer;
