-- Keys, references, checks and storage of the tables beside events.
select plan(41);

select set_eq(
    $$select k.conrelid::regclass::text, k.conname::text, pg_get_constraintdef(k.oid)
    from pg_constraint as k
    join pg_class as c on c.oid = k.conrelid
    where k.connamespace = 'esdb'::regnamespace and c.relkind = 'r' and not c.relispartition and k.contype in ('p', 'u', 'f')$$,
    $$values
        ('esdb.aggregate_types', 'aggregate_types_pkey', 'PRIMARY KEY (aggregate_type)'),
        ('esdb.aggregate_types', 'aggregate_types_bounded_context_fkey',
            'FOREIGN KEY (bounded_context) REFERENCES esdb.bounded_contexts(code)'),
        ('esdb.aggregate_types', 'aggregate_types_group_context_fkey',
            'FOREIGN KEY (group_context) REFERENCES esdb.group_contexts(code)'),
        ('esdb.archives', 'archives_pkey', 'PRIMARY KEY (bounded_context, lower_bound)'),
        ('esdb.archives', 'archives_partition_key', 'UNIQUE (partition)'),
        ('esdb.archives', 'archives_bounded_context_lower_bound_fkey',
            'FOREIGN KEY (bounded_context, lower_bound) REFERENCES esdb.seals(bounded_context, lower_bound)'),
        ('esdb.audit_log', 'audit_log_pkey', 'PRIMARY KEY (number)'),
        ('esdb.bounded_contexts', 'bounded_contexts_pkey', 'PRIMARY KEY (code)'),
        ('esdb.bounded_contexts', 'bounded_contexts_name_key', 'UNIQUE (name)'),
        ('esdb.detached_heads', 'detached_heads_pkey', 'PRIMARY KEY (aggregate_id, version)'),
        ('esdb.feature_contexts', 'feature_contexts_pkey', 'PRIMARY KEY (code)'),
        ('esdb.feature_contexts', 'feature_contexts_name_key', 'UNIQUE (name)'),
        ('esdb.group_contexts', 'group_contexts_pkey', 'PRIMARY KEY (code)'),
        ('esdb.group_contexts', 'group_contexts_name_key', 'UNIQUE (name)'),
        ('esdb.idempotency_keys', 'idempotency_keys_pkey', 'PRIMARY KEY (aggregate_id, key)'),
        ('esdb.optional_indexes', 'optional_indexes_pkey', 'PRIMARY KEY (name)'),
        ('esdb.seal_frontier', 'seal_frontier_pkey', 'PRIMARY KEY (is_only_row)'),
        ('esdb.seal_statistics', 'seal_statistics_pkey', 'PRIMARY KEY (bounded_context, lower_bound, group_context, event_type)'),
        ('esdb.seal_statistics', 'seal_statistics_bounded_context_lower_bound_fkey',
            'FOREIGN KEY (bounded_context, lower_bound) REFERENCES esdb.seals(bounded_context, lower_bound) ON DELETE CASCADE'),
        ('esdb.seals', 'seals_pkey', 'PRIMARY KEY (number)'),
        ('esdb.seals', 'seals_bounded_context_lower_bound_key', 'UNIQUE (bounded_context, lower_bound)'),
        ('esdb.seals', 'seals_bounded_context_fkey', 'FOREIGN KEY (bounded_context) REFERENCES esdb.bounded_contexts(code)'),
        ('esdb.settings', 'settings_pkey', 'PRIMARY KEY (name)'),
        ('esdb.snapshots', 'snapshots_pkey', 'PRIMARY KEY (aggregate_id, version)'),
        ('esdb.snapshots', 'snapshots_aggregate_id_fkey', 'FOREIGN KEY (aggregate_id) REFERENCES esdb.streams(aggregate_id)'),
        ('esdb.stream_months', 'stream_months_pkey', 'PRIMARY KEY (aggregate_id, month)'),
        ('esdb.streams', 'streams_pkey', 'PRIMARY KEY (aggregate_id)'),
        ('esdb.subscription_checkpoints', 'subscription_checkpoints_pkey', 'PRIMARY KEY (subscription, partition, number)'),
        ('esdb.subscription_checkpoints', 'subscription_checkpoints_subscription_partition_fkey',
            'FOREIGN KEY (subscription, partition) REFERENCES esdb.subscription_partitions(subscription, partition) ON DELETE CASCADE'),
        ('esdb.subscription_definitions', 'subscription_definitions_pkey', 'PRIMARY KEY (name)'),
        ('esdb.subscription_parkings', 'subscription_parkings_pkey', 'PRIMARY KEY (subscription, "position")'),
        ('esdb.subscription_parkings', 'subscription_parkings_subscription_partition_fkey',
            'FOREIGN KEY (subscription, partition) REFERENCES esdb.subscription_partitions(subscription, partition) ON DELETE CASCADE'),
        ('esdb.subscription_partitions', 'subscription_partitions_pkey', 'PRIMARY KEY (subscription, partition)'),
        ('esdb.subscription_partitions', 'subscription_partitions_subscription_fkey',
            'FOREIGN KEY (subscription) REFERENCES esdb.subscription_definitions(name) ON DELETE CASCADE')$$,
    'keys and references, all of them'
);

-- HOT: an append's update of the stream's row touches no index and finds room on the page
select results_eq(
    $$select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid, 1, false) from pg_index as i where i.indrelid = 'esdb.streams'::regclass$$,
    $$values ('esdb.streams_pkey', 'aggregate_id')$$,
    'the only index of streams is its key'
);
select is((select c.reloptions from pg_class as c where c.oid = 'esdb.streams'::regclass), array['fillfactor=70'],
    'its pages keep room for updates');

select results_eq(
    $$select code::text, name collate "default" from esdb.bounded_contexts order by code::text collate "C"$$,
    $$values ('b', 'bookmark'), ('c', 'c'), ('e', 'e'), ('n', 'note'), ('nt', 'nt'), ('p', 'p'), ('r', 'r'), ('s', 's'), ('t', 't')$$,
    'the bounded contexts of a new store'
);
select results_eq(
    $$select code::text, name collate "default" from esdb.group_contexts order by code::text collate "C"$$,
    $$values ('c', 'c'), ('m', 'm'), ('s', 's')$$, 'its group contexts'
);
select results_eq(
    $$select code::text, name collate "default", action_type::text from esdb.feature_contexts order by code::text collate "C"$$,
    $$values ('c', 'create', 'create'), ('d', 'delete', 'delete'), ('r', 'read', 'read'), ('u', 'update', 'update')$$,
    'its feature contexts and their action types'
);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select throws_ok(refused.statement, refused.code, null, refused.statement)
from (
    values
        ('insert into esdb.aggregate_types values (''t'', ''x'', ''m'')', '23514'),
        ('insert into esdb.aggregate_types values (''t'', ''n'', ''x'')', '23514'),
        ('insert into esdb.aggregate_types values (''t'', null, ''m'')', '23502'),
        ('insert into esdb.aggregate_types values (null, ''n'', ''m'')', '23502'),
        ('insert into esdb.bounded_contexts values (''n'', ''other'')', '23505'),
        ('update esdb.bounded_contexts set name = ''bookmark'' where code = ''n''', '23505'),
        ('update esdb.bounded_contexts set name = null where code = ''n''', '23502'),
        ('update esdb.bounded_contexts set name = ''Note'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = ''1note'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = ''no te'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = '''' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = ''note;drop'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = ''nöte'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = e''note\n'' where code = ''n''', '23514'),
        ('update esdb.bounded_contexts set name = repeat(''a'', 31) where code = ''n''', '23514'),
        ('update esdb.group_contexts set name = ''Mobile'' where code = ''m''', '23514'),
        ('update esdb.group_contexts set name = '''' where code = ''m''', '23514'),
        ('update esdb.feature_contexts set name = ''up date'' where code = ''u''', '23514'),
        ('update esdb.feature_contexts set action_type = '''' where code = ''u''', '23514'),
        ('update esdb.feature_contexts set action_type = ''elevenchars'' where code = ''u''', '22001'),
        ('insert into esdb.snapshots (aggregate_id, version, state) values (''none'', 1, ''{}'')', '23503'),
        ('insert into esdb.snapshots (aggregate_id, version, state) values (''s'', -1, ''{}'')', '23514'),
        ('insert into esdb.snapshots (aggregate_id, version, state) values (''s'', 1, null)', '23502'),
        ('insert into esdb.snapshots (aggregate_id, version, state) values (''s'', 1, ''{}''), (''s'', 1, ''{}'')', '23505'),
        ('update esdb.streams set version = -1', '23514'),
        ('update esdb.streams set month_version = -1', '23514'),
        ('update esdb.streams set bounded_context = ''x''', '23514'),
        ('update esdb.streams set group_context = ''x''', '23514'),
        ('update esdb.streams set created_at = null', '23502'),
        ('update esdb.streams set updated_at = null', '23502'),
        ('insert into esdb.stream_months values (''s'', now(), -1)', '23514')
) as refused (statement, code);
select lives_ok($$update esdb.bounded_contexts set name = 'a' || repeat('z', 26) where code = 'e'$$, 'a name of 27 characters is taken');
select lives_ok($$insert into esdb.aggregate_types values ('t', 'n', 'm')$$, 'an aggregate type is registered');
select throws_ok('delete from esdb.group_contexts', '23503', null, 'the group it uses stays');
select throws_ok('delete from esdb.bounded_contexts', '23503', null, 'so does its context');

select * from finish();
