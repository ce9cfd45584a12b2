-- The sequences have the properties that the feed's order and mark stand on.
select plan(2);

select results_eq(
    $$select s.seqrelid::regclass::text, s.seqtypid::regtype::text, s.seqincrement, s.seqcache, s.seqcycle, s.seqmin, c.relpersistence::text
    from pg_sequence as s
    join pg_class as c on c.oid = s.seqrelid
    where c.relnamespace = 'esdb'::regnamespace
    order by s.seqrelid::regclass::text$$,
    $$values
        ('esdb.archived_until', 'bigint', 1::bigint, 1::bigint, false, 0::bigint, 'p'),
        ('esdb.audit_log_number_seq', 'bigint', 1, 1, false, 1, 'p'),
        ('esdb.checkpoint_number', 'bigint', 1, 1, false, 1, 'p'),
        ('esdb.durable_mark', 'bigint', 1, 1, false, 0, 'p'),
        ('esdb.epoch_base', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.epoch_resume', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.epoch_start', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.established_mark', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.event_position', 'bigint', 1, 1, false, 1, 'p'),
        ('esdb.mark_clock', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.newest_month', 'bigint', 1, 1, false, 0, 'p'),
        ('esdb.publish_clock', 'bigint', 1, 1, false, 0, 'u'),
        ('esdb.seals_number_seq', 'bigint', 1, 1, false, 1, 'p'),
        ('esdb.statistics_clock', 'bigint', 1, 1, false, 0, 'p'),
        ('esdb.wake_clock', 'bigint', 1, 1, false, 0, 'u')$$,
    'type, increment, cache, cycle, minimum and whether a crash resets it'
);
select is(pg_sequence_last_value('esdb.event_position'), null, 'a new store has drawn no position');

select * from finish();
