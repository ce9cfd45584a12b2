-- Every error that esdb raises, in one place: the reference page, the Python exception classes and the tests are
-- made from this list. SQLSTATE classes that begin with 0–4 or A–H belong to the standard; SE is ours.
create or replace function esdb.error_codes()
returns table (
    code text,
    name text,
    meaning text
)
language sql
immutable
parallel safe
as $function$
values
    ('SE001', 'version_conflict', 'expected_version does not fit; DETAIL is JSON with aggregate_id, expected and actual'),
    ('SE002', 'stream_deleted', 'append to, snapshot or load of a deleted stream'),
    ('SE003', 'stream_not_found', 'expected_version -1, delete, restore or snapshot of no stream'),
    ('SE004', 'stream_mismatch', 'aggregate_type or bounded_context is not the stream''s own'),
    ('SE005', 'unknown_context', 'a context code that is not registered, or none could be found'),
    ('SE006', 'idempotency_conflict', 'known ids or a known idempotency_key with other events'),
    ('SE007', 'duplicate_event_id', 'an event id that already stands in the same partition'),
    ('SE008', 'immutable', 'UPDATE, DELETE or TRUNCATE of events or audit rows'),
    ('SE009', 'invalid_argument', 'anything else wrong with an argument; DETAIL names it'),
    ('SE010', 'payload_too_large', 'a payload, or metadata, over the setting max_payload_bytes'),
    ('SE011', 'isolation_not_supported', 'the feed or its mark under REPEATABLE READ or SERIALIZABLE'),
    ('SE012', 'partition_sealed', 'an append met a month being sealed; retry'),
    ('SE013', 'archived', 'the range asked for is in an archive; DETAIL names it'),
    ('SE014', 'snapshot_ahead', 'a snapshot of a version that the stream has not reached'),
    ('SE020', 'subscription_not_found', 'no subscription has this name'),
    ('SE021', 'stale_token', 'the lease went to another worker'),
    ('SE022', 'position_unknown', 'a cursor beyond the store''s end, or of another epoch')
$function$;

comment on function esdb.error_codes() is
    'The errors esdb raises: SQLSTATE, name and when. Every error carries MESSAGE, DETAIL (the facts) and HINT (the next action).';

revoke all on function esdb.error_codes() from public;
grant execute on function esdb.error_codes() to esdb_reader, esdb_writer, esdb_maintainer;
