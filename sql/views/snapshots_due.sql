-- The streams whose aggregates are due for a snapshot. Costs a look at every stream's row.
create or replace view esdb.snapshots_due as
select
    due.aggregate_id,
    due.aggregate_type,
    due.bounded_context,
    due.version,
    due.snapshot_version,
    due.events_since_snapshot
from esdb._due_snapshots() as due;

comment on view esdb.snapshots_due is
    'The living streams with at least snapshot_threshold (a setting) events after their newest snapshot, or after their start where they have none (snapshot_version null). A query reads all of esdb.streams, whatever its conditions, and looks up the newest snapshot of each stream of so many events: for a job, not for each request; of one stream esdb.get_stream_info() tells both versions. Worry when events_since_snapshot is ten times the setting: nobody saves snapshots, and load_aggregate() reads them all.';

revoke all on esdb.snapshots_due from public;
grant select on esdb.snapshots_due to esdb_reader, esdb_writer, esdb_maintainer;
