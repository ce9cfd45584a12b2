-- Every finding of `esdb doctor`, in one place: the check that makes it (esdb_meta.doctor_<check>()) and why it matters.
-- docs/how-to/doctor.md is held against this list.
create or replace function esdb_meta.doctor_checks()
returns table (
    finding text,
    made_by text,
    why text
)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
values
    ('partition_missing', 'partitions', 'appends to this context fail, now or from the day named'),
    ('partitions_ahead', 'partitions', 'the scheduled job has not run: when the months are used up, events go into the overflow'),
    ('overflow_used', 'partitions', 'nothing is lost, but one partition grows, and the longer it is left the more there is to read when it is split off'),
    ('archive_unfinished', 'partitions', 'reads of that partition may fail with SE013, and its table takes its place on disk'),
    ('sealing_overdue', 'partitions', 'what is not sealed is not protected against rewriting, and statistics count it anew each time'),
    ('retention_overdue', 'partitions', 'partitions past their time take their place on disk'),
    ('autovacuum_off', 'autovacuum', 'dead rows are not removed: appends and reads of streams get slower by and by'),
    ('vacuum_overdue', 'autovacuum', 'dead rows make every append and read of streams slower, and in a partition rows are looked up that need not be; if a VACUUM does not help, an old snapshot keeps them'),
    ('analyze_overdue', 'autovacuum', 'plans go by old figures, and may be slow'),
    ('freeze_overdue', 'autovacuum', 'autovacuum does not get to it: when transaction ids run out the server accepts no writes'),
    ('vacuum_rare', 'autovacuum', 'in a table so large a fifth is many rows: autovacuum then comes rarely and has much to do'),
    ('not_durable', 'durability', 'a crash loses events whose commit was confirmed, and their positions may be given out again; without fsync or full_page_writes it may damage the database'),
    ('no_wal_archive', 'archiving', 'a restore brings back the last backup and nothing after it'),
    ('wal_archive_failing', 'archiving', 'a restore gets no further than the last archived segment, and the log that is kept meanwhile fills the disk'),
    ('wal_archive_late', 'archiving', 'what was appended since is on this machine alone'),
    ('lock_table_small', 'lock_table', 'a statement that needs many partitions fails with `out of shared memory`, pg_dump among them, and takes appends with it'),
    ('lock_table_full', 'lock_table', 'when it is full whoever needs another lock fails with `out of shared memory`, appends too'),
    ('connections_short', 'connections', 'when none is left, nobody can connect; more than a few for each processor core make nothing faster'),
    ('bloat', 'bloat', 'what is read and cached is mostly empty; a full VACUUM locks appends out while it copies the rows'),
    ('index_invalid', 'indexes', 'it makes writes slower and no query uses it; appends that rely on a unique one fail'),
    ('index_missing', 'indexes', 'what it is for is slow, or what is to be unique may be there twice'),
    ('index_duplicate', 'indexes', 'every append keeps it up, and the other one does all that it does'),
    ('index_unused', 'indexes', 'every append keeps it up'),
    ('idle_transaction', 'transactions', 'it holds its locks and keeps dead rows; if it has appended it also holds up every consumer'),
    ('long_transaction', 'transactions', 'while it is open no row that died since can be removed, and its locks keep maintenance waiting'),
    ('prepared_transaction', 'transactions', 'nobody may ever end it: until then it holds its locks, keeps dead rows and, if it has appended, holds up every consumer'),
    ('slot_left_over', 'slots', 'the log that it keeps fills the disk, and then the server stops'),
    ('mark_held', 'mark', 'no consumer sees any event behind this position until it ends'),
    ('role_too_mighty', 'roles', 'whoever gets hold of the role can do more than the store''s functions let its users do'),
    ('public_connect', 'roles', 'any role that can connect can hold up the feed by an advisory lock'),
    ('no_idle_timeout', 'roles', 'one request that hangs with its transaction open holds up every consumer, until somebody ends it'),
    ('hot_stream', 'hot_stream', 'the snapshot keeps all versions of the stream''s head: its appends cost half as much again, and esdb.detached_heads grows until it ends'),
    ('collation_changed', 'collations', 'text is sorted another way than indexes were built: rows are not found, and unique keys let duplicates in'),
    ('wraparound', 'wraparound', 'when transaction ids run out the server accepts no writes, in no database, until a VACUUM has freed some'),
    ('sight_limited', 'sight', 'findings about sessions of others are missing'),
    ('events_parked', 'subscriptions', 'they are not handled; what made them fail has to be mended first'),
    ('subscription_behind', 'subscriptions', 'what it is for is out of date; if all are behind at once, an open append holds them up'),
    ('statistics_old', 'statistics', 'counts mislead, and the nightly job that renews them does not run'),
    ('check_failed', null, 'this could not be looked at; the other checks could')
$function$;

comment on function esdb_meta.doctor_checks() is 'The findings of `esdb doctor`: name, check and why each matters.';

revoke all on function esdb_meta.doctor_checks() from public;
grant execute on function esdb_meta.doctor_checks() to esdb_maintainer;
