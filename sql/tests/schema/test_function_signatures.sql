-- The public functions have the parameters, defaults and results that the API promises, and no overloads.
select plan(43);

create temporary table promised as
select * from (
    values
        ('append_event',
            'aggregate_id text, event_type text, payload jsonb, expected_version bigint DEFAULT NULL::bigint,'
            ' bounded_context text DEFAULT NULL::text, group_context text DEFAULT NULL::text, feature_context text DEFAULT NULL::text,'
            ' action_type text DEFAULT NULL::text, aggregate_type text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb,'
            ' id text DEFAULT NULL::text, schema_version integer DEFAULT 1,'
            ' occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, idempotency_key text DEFAULT NULL::text',
            'esdb.append_result'),
        ('append_events',
            'aggregate_id text, events jsonb, expected_version bigint DEFAULT NULL::bigint, bounded_context text DEFAULT NULL::text,'
            ' group_context text DEFAULT NULL::text, feature_context text DEFAULT NULL::text, action_type text DEFAULT NULL::text,'
            ' aggregate_type text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb, idempotency_key text DEFAULT NULL::text',
            'SETOF esdb.append_result'),
        ('append_to_streams', 'appends jsonb',
            'TABLE(aggregate_id text, id text, version bigint, "position" bigint, "timestamp" timestamp with time zone)'),
        ('delete_stream', 'aggregate_id text, expected_version bigint DEFAULT NULL::bigint, metadata jsonb DEFAULT NULL::jsonb',
            'esdb.append_result'),
        ('restore_stream', 'aggregate_id text, metadata jsonb DEFAULT NULL::jsonb', 'esdb.append_result'),
        ('read_stream',
            'aggregate_id text, from_version bigint DEFAULT 1, to_version bigint DEFAULT NULL::bigint, max_count integer DEFAULT 1000,'
            ' backward boolean DEFAULT false, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone,'
            ' include_deleted boolean DEFAULT false, skip_archived boolean DEFAULT false',
            'SETOF esdb.events'),
        ('read_all',
            'after_position bigint DEFAULT 0, max_count integer DEFAULT 1000, bounded_contexts text[] DEFAULT NULL::text[],'
            ' group_contexts text[] DEFAULT NULL::text[], feature_contexts text[] DEFAULT NULL::text[],'
            ' event_types text[] DEFAULT NULL::text[], aggregate_types text[] DEFAULT NULL::text[], backward boolean DEFAULT false,'
            ' up_to_position bigint DEFAULT NULL::bigint, skip_archived boolean DEFAULT false',
            'SETOF esdb.events'),
        ('high_water_mark', '', 'bigint'),
        ('last_position', '', 'bigint'),
        ('publish_mark', '', 'bigint'),
        ('feed_lag',
            'OUT is_standby boolean, OUT mark bigint, OUT last_position bigint, OUT positions_behind bigint,'
            ' OUT seconds_behind double precision, OUT bytes_to_replay bigint',
            'record'),
        ('recover', 'reason text DEFAULT NULL::text, force boolean DEFAULT false',
            'TABLE(epoch bigint, is_new boolean, began_at timestamp with time zone, timeline text, last_position bigint,'
            ' first_position bigint, resume_after bigint, highest_event bigint, positions_left bigint)'),
        ('get_event', 'id text, aggregate_id text DEFAULT NULL::text', 'SETOF esdb.events'),
        ('get_stream_info',
            'INOUT aggregate_id text, OUT aggregate_type text, OUT bounded_context text, OUT group_context text, OUT version bigint,'
            ' OUT created_at timestamp with time zone, OUT updated_at timestamp with time zone,'
            ' OUT deleted_at timestamp with time zone, OUT snapshot_version bigint',
            'SETOF record'),
        ('save_snapshot', 'aggregate_id text, version bigint, state jsonb', 'void'),
        ('get_snapshot',
            'aggregate_id text, at_version bigint DEFAULT NULL::bigint,'
            ' as_of timestamp with time zone DEFAULT NULL::timestamp with time zone',
            'SETOF esdb.snapshots'),
        ('load_aggregate',
            'INOUT aggregate_id text, at_version bigint DEFAULT NULL::bigint,'
            ' as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, OUT version bigint,'
            ' OUT snapshot_version bigint, OUT snapshot_state jsonb, OUT events jsonb',
            'record'),
        ('cleanup_old_snapshots', 'keep integer DEFAULT NULL::integer, older_than interval DEFAULT NULL::interval', 'bigint'),
        ('list_settings', '',
            'TABLE(name text, value text, default_value text, value_type text, minimum text, maximum text, is_changed boolean,'
            ' meaning text)'),
        ('set_retention', 'bounded_context text, retain text', 'interval'),
        ('set_setting', 'name text, value text DEFAULT NULL::text', 'text'),
        ('stream_version', 'aggregate_id text', 'bigint'),
        ('list_streams',
            'OUT aggregate_id text, INOUT aggregate_type text DEFAULT NULL::text, INOUT bounded_context text DEFAULT NULL::text,'
            ' OUT group_context text, OUT version bigint, OUT created_at timestamp with time zone,'
            ' OUT updated_at timestamp with time zone, OUT deleted_at timestamp with time zone, OUT snapshot_version bigint,'
            ' after_aggregate_id text DEFAULT NULL::text, max_count integer DEFAULT 100, include_deleted boolean DEFAULT false',
            'SETOF record'),
        ('read_correlated',
            'correlation_id text, max_count integer DEFAULT 1000, since timestamp with time zone DEFAULT NULL::timestamp with time zone,'
            ' until timestamp with time zone DEFAULT NULL::timestamp with time zone',
            'SETOF esdb.events'),
        ('read_caused_by',
            'event_id text, max_count integer DEFAULT 1000, since timestamp with time zone DEFAULT NULL::timestamp with time zone,'
            ' until timestamp with time zone DEFAULT NULL::timestamp with time zone',
            'SETOF esdb.events'),
        ('list_optional_indexes', '', 'TABLE(name text, state text, serves text, tables bigint, tables_with_it bigint)'),
        ('new_ulid', 'at timestamp with time zone DEFAULT clock_timestamp()', 'text'),
        ('ulid_timestamp', 'id text', 'timestamp with time zone'),
        ('refresh_event_statistics', '', 'void'),
        ('set_aggregate_type', 'aggregate_type text, bounded_context text, group_context text', 'void'),
        ('remove_aggregate_type', 'aggregate_type text', 'boolean'),
        ('event_count', 'bounded_context text DEFAULT NULL::text', 'bigint'),
        ('create_subscription',
            'name text, from_position bigint DEFAULT 0, partitions integer DEFAULT 1, bounded_contexts text[] DEFAULT NULL::text[],'
            ' group_contexts text[] DEFAULT NULL::text[], feature_contexts text[] DEFAULT NULL::text[],'
            ' event_types text[] DEFAULT NULL::text[], aggregate_types text[] DEFAULT NULL::text[],'
            ' max_attempts integer DEFAULT 10, on_failure text DEFAULT ''park''::text',
            'void'),
        ('claim_events',
            'subscription text, worker text, max_count integer DEFAULT 100, lease interval DEFAULT ''00:00:30''::interval',
            'TABLE(token bigint, partition integer, attempt integer, "position" bigint, id text,'
            ' bounded_context esdb.bounded_context_code, group_context esdb.group_context_code,'
            ' feature_context esdb.feature_context_code, action_type character varying, aggregate_type text, aggregate_id text,'
            ' event_type character varying, schema_version smallint, version esdb.version_number,'
            ' "timestamp" timestamp with time zone, occurred_at timestamp with time zone, payload jsonb, metadata jsonb,'
            ' recorded_by text)'),
        ('ack', 'subscription text, token bigint, "position" bigint', 'void'),
        ('nack', 'subscription text, token bigint, "position" bigint, reason text', 'void'),
        ('reset_subscription', 'subscription text, to_position bigint DEFAULT 0', 'void'),
        ('drop_subscription', 'subscription text', 'void'),
        ('replay_parked', 'subscription text, "position" bigint DEFAULT NULL::bigint', 'void'),
        ('discard_parked', 'subscription text, "position" bigint DEFAULT NULL::bigint', 'void'),
        ('error_codes', '', 'TABLE(code text, name text, meaning text)')
) as f (name, arguments, result);

select is(
    (
        select string_agg(format('(%s) %s', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)), '; ')
        from pg_proc as p
        where p.pronamespace = 'esdb'::regnamespace and p.proname = promised.name
    ),
    format('(%s) %s', promised.arguments, promised.result),
    promised.name
)
from promised;
select is_empty(
    $$select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'esdb'::regnamespace and p.proname !~ '^_' and p.proname not in (select name from promised)$$,
    'there is no public function besides'
);
select is_empty(
    $$select p.proname from pg_proc as p where p.pronamespace = 'esdb'::regnamespace group by p.proname having count(*) > 1$$,
    'no function has an overload'
);

select * from finish();
