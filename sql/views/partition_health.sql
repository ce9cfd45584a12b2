-- How the single partitions are kept, and what mends what is wrong: see esdb._partition_health().
create or replace view esdb.partition_health as
select
    h.bounded_context,
    h.context_name,
    h.partition,
    h.kind,
    h.lower_bound,
    h.upper_bound,
    h.state,
    h.rows_estimate,
    h.dead_rows,
    h.rows_since_vacuum,
    h.changes_since_analyze,
    h.last_vacuum,
    h.last_analyze,
    h.visible,
    h.transaction_age,
    h.multixact_age,
    h.reasons,
    h.mended_by
from esdb._partition_health() as h;

comment on view esdb.partition_health is
    'One row a partition of esdb.events in the tree. state: ahead of the clock, current, over, due for sealing, sealed, archiving, overflow; rows_estimate: by the last ANALYZE or counted since (null: unknown); dead_rows: of appends that were rolled back; visible: the share of its pages that VACUUM has found to be seen by all; transaction_age: how many transactions ago it was frozen, its TOAST table included. reasons (none: all is well): an unfinished bound, an overflow that is used, not frozen, vacuumed or analysed in time, autovacuum switched off, due for sealing or past its time for a month; mended_by: the statement, or command of esdb, that mends each, as the store''s owner. esdb.partition_status tells the same of contexts, and what is missing; esdb verify, what was altered. A query reads the catalog, and of each overflow whether there is anything in it, for half a second where one is locked: some 0.1 s for a thousand partitions. Worry when reasons is not empty: at once about a bound, today about an overflow, this week about the rest; and when transaction_age is over 1 billion anywhere.';

revoke all on esdb.partition_health from public;
grant select on esdb.partition_health to esdb_reader, esdb_writer, esdb_maintainer;
