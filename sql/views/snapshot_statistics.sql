-- The snapshots by bounded context and aggregate type: see esdb._snapshot_statistics().
create or replace view esdb.snapshot_statistics as
select
    n.bounded_context,
    n.aggregate_type,
    n.streams,
    n.snapshots,
    n.removable,
    n.streams_due,
    n.state_bytes,
    n.largest_bytes,
    n.oldest,
    n.newest
from esdb._snapshot_statistics() as n;

comment on view esdb.snapshot_statistics is
    'The snapshots by bounded context and aggregate type: streams that have some, how many there are, and how many of them esdb.cleanup_old_snapshots() would remove now; streams_due: those in esdb.snapshots_due; bytes of their states as stored (compressed), of all and of the largest one; when the oldest and the newest were saved. A query reads all of esdb.streams and the rows of esdb.snapshots, a few seconds a million, whatever its conditions. Worry when removable stays above 0 for a day: `esdb maintain` is not running; when streams_due grows: the application saves none, and loads ever more events; when largest_bytes nears a megabyte: to load it costs more than to replay.';

revoke all on esdb.snapshot_statistics from public;
grant select on esdb.snapshot_statistics to esdb_reader, esdb_writer, esdb_maintainer;
