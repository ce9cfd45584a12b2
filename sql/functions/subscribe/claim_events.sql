-- Gives a worker the next events of one partition of a subscription, and the partition with them for the time of a lease:
-- worker → claim_events → subscription_checkpoints; events → worker. No row: there is nothing to do just now.
--
-- Parked events that are to be replayed come first. Then the feed, from the checkpoint to the mark; an event that was
-- delivered before comes alone, so that a failure is its own. Partitions that another transaction is at are passed over;
-- so are those whose next event is archived, and only where no other has anything to deliver that is an error.
-- Locks, until the transaction ends: the partition. Commit before handling the events, so that others may see the lease.
-- Errors: SE009, SE011, SE013, SE020; 55000 on a standby.
create or replace function esdb.claim_events(
    subscription text,
    worker text,
    max_count integer default 100,
    lease interval default '30 seconds'
)
returns table (
    token bigint,
    partition integer,
    attempt integer,
    "position" bigint,
    id text,
    bounded_context esdb.bounded_context_code,
    group_context esdb.group_context_code,
    feature_context esdb.feature_context_code,
    action_type varchar(10),
    aggregate_type text,
    aggregate_id text,
    event_type varchar(255),
    schema_version smallint,
    version esdb.version_number,
    "timestamp" timestamptz,
    occurred_at timestamptz,
    payload jsonb,
    metadata jsonb,
    recorded_by text
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _definition esdb.subscription_definitions;
    _mark bigint;
    _candidate record;
    _checkpoint esdb.subscription_checkpoints;
    _position bigint;
    _found record;
    _parked esdb.events[];
    _wanted integer;
    _page_size integer;
    _message text;
    _detail text;
    _hint text;
begin
    -- cheap tests first, because most polls find nothing
    if (
        length(claim_events.worker) between 1 and 255
        and claim_events.max_count between 1 and 10000
        and claim_events.lease > '0'
        and claim_events.lease <= '1 day'
        and not pg_is_in_recovery()
    ) is not true then
        perform esdb._check_claim(claim_events.worker, claim_events.max_count, claim_events.lease);
    end if;
    for _candidate in
        select c.partition, c.parked_state from esdb._claimable(claim_events.subscription, _last) as c
    loop
        _mark := coalesce(_mark, esdb.high_water_mark());
        _checkpoint := esdb._lock_checkpoint(claim_events.subscription, _candidate.partition, skip_locked => true);
        continue when (coalesce(_checkpoint.lease_until <= clock_timestamp(), _checkpoint.number is not null)) is not true;
        if _definition.name is null then
            -- behind the lock: from now on nobody can drop it and give its name to one of other filters and partitions
            _definition := esdb._subscription(claim_events.subscription);
        end if;
        if pg_sequence_last_value('esdb.epoch_start'::regclass) is null then
            perform esdb._pass_over_tokens();
        end if;
        -- in the common case nothing is written in this block, so it takes no transaction id of its own
        begin
            if _checkpoint.lease_until is not null then
                _checkpoint := esdb._end_lease(_checkpoint, _definition);
            end if;
            _checkpoint.token := nextval('esdb.checkpoint_number'::regclass) * 1024 + _candidate.partition;
            _checkpoint.worker := claim_events.worker;
            _checkpoint.lease := claim_events.lease;

            if _candidate.parked_state is not null then
                with replayed as (
                    update esdb.subscription_parkings as p
                    set token = _checkpoint.token
                    from (
                        select d.position
                        from esdb._deliverable(claim_events.subscription, _candidate.partition) as d
                        -- alone, too, if it failed before
                        limit case when _candidate.parked_state = 'failed' then 1 else claim_events.max_count end
                    ) as n
                    where p.subscription = claim_events.subscription and p.position = n.position
                    returning p.position
                )
                select max(r.position) into _checkpoint.delivered_to from replayed as r;
                -- into a variable, because rows that are returned already would stay where a later one is archived
                select array_agg(e)
                into _parked
                from esdb.subscription_parkings as p
                cross join lateral esdb.read_stream(p.aggregate_id, p.version, p.version, include_deleted => true) as e
                where p.subscription = claim_events.subscription and p.token = _checkpoint.token;
            end if;
            continue when _parked is null and _checkpoint.retry_at > clock_timestamp();

            _position := _checkpoint.position;
            _page_size := 1;
            while _parked is null loop
                _wanted := case when _checkpoint.attempts = 0 then claim_events.max_count else 1 end;
                select s.*
                into _found
                from esdb._scan_partition(
                    _definition, _candidate.partition, _checkpoint.position, _mark, greatest(_wanted, _page_size)) as s;
                if _definition.on_failure = 'stop' then
                    select s.*
                    into _found
                    from esdb._set_aside(_checkpoint, _found.events, _found.scanned_to) as s;
                    if _found.done_to is not null then
                        _checkpoint.position := _found.done_to;
                        _checkpoint.attempts := 0;
                        -- many may have to be set aside, for a worker that wants few
                        _page_size := least(2 * _page_size, 1000);
                    end if;
                    if cardinality(_found.events) > _wanted then
                        _found.scanned_to := _found.events[_wanted].position;
                        _found.events := _found.events[1:_wanted];
                    end if;
                end if;
                exit when cardinality(_found.events) > 0;
                _checkpoint.position := _found.scanned_to;
                exit when _found.scanned_to >= _mark;
            end loop;
        exception
            when sqlstate 'SE013' then
                get stacked diagnostics
                    _message := message_text,
                    _detail := pg_exception_detail,
                    _hint := pg_exception_hint;
                continue;
        end;
        if _parked is not null then
            _checkpoint.is_replay := true;
            _checkpoint.lease_until := clock_timestamp() + claim_events.lease;
            perform esdb._replace_checkpoint(_checkpoint);
            return query
            select p.token, p.partition, p.attempts + 1, e.*
            from esdb.subscription_parkings as p
            join unnest(_parked) as e on e.position = p.position
            where p.subscription = claim_events.subscription and p.token = _checkpoint.token
            order by p.position;
            return;
        end if;
        if cardinality(_found.events) > 0 then
            -- so that an ack of the position before the first event, which prolongs the lease, is no progress
            _checkpoint.position := _found.events[1].position - 1;
            _checkpoint.scanned_to := _found.scanned_to;
            _checkpoint.delivered_to := _found.events[cardinality(_found.events)].position;
            _checkpoint.attempts := _checkpoint.attempts + 1;
            _checkpoint.retry_at := null;
            -- from here on, not from before a search that took long
            _checkpoint.lease_until := clock_timestamp() + claim_events.lease;
            perform esdb._replace_checkpoint(_checkpoint);
            return query
            select _checkpoint.token, _checkpoint.partition, _checkpoint.attempts, e.*
            from unnest(_found.events) as e
            order by e.position;
            return;
        end if;
        if _checkpoint.position > _position then
            perform esdb._replace_checkpoint(_checkpoint);
        end if;
    end loop;
    if _definition.name is null then
        _definition := esdb._subscription(claim_events.subscription);
    end if;
    if _message is not null then
        raise exception using errcode = 'SE013', message = _message, detail = _detail, hint = _hint;
    end if;
end
$function$;

comment on function esdb.claim_events(text, text, integer, interval) is
    'The next events of one partition of a subscription, at most max_count (1 to 10000), for one worker: for the time of the lease (up to a day) nobody else gets that partition. token is for ack() and nack(); attempt: how often the event was delivered. No row: nothing to do just now, poll again. Events of an aggregate come in their order. Commit before handling them. A partition whose next event is archived is passed over as long as another has something to deliver. Errors: SE009, SE011, SE013, SE020; 55000 on a standby.';

revoke all on function esdb.claim_events(text, text, integer, interval) from public;
grant execute on function esdb.claim_events(text, text, integer, interval) to esdb_consumer;
