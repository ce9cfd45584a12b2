-- How each bounded context's partitions stand, by the clock: see esdb._partition_status().
create or replace view esdb.partition_status as
select s.*
from esdb._partition_status() as s;

comment on view esdb.partition_status is
    'One row a bounded context: whole months made after the current one and how many are wanted; the overflow''s events (estimated rows, since when), its unfinished bound; partitions due for sealing, archives left unfinished, partitions past the context''s retain, and since when; reasons: what is wrong and what to run (none: all is well); remarks: what should be looked at. A query reads the catalog, and of each overflow the first row: some 0.1 s for a thousand partitions. Worry when reasons is not empty, at once about one that names a day; about remarks within weeks.';

revoke all on esdb.partition_status from public;
grant select on esdb.partition_status to esdb_reader, esdb_writer, esdb_maintainer;
