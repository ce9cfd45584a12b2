-- Makes a subscription: consumer → create_subscription → subscription_definitions, subscription_partitions,
-- subscription_checkpoints. The same again changes nothing, so an application may call it at each start. The
-- audit log has the one that makes it.
--
-- Locks, until the transaction ends: the name against another creation. Errors: SE005, SE009, SE011, SE022.
create or replace function esdb.create_subscription(
    name text,
    from_position bigint default 0,
    partitions integer default 1,
    bounded_contexts text[] default null,
    group_contexts text[] default null,
    feature_contexts text[] default null,
    event_types text[] default null,
    aggregate_types text[] default null,
    max_attempts integer default 10,
    on_failure text default 'park'
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _start bigint;
begin
    perform esdb._check_subscription(
        create_subscription.name, create_subscription.partitions, create_subscription.max_attempts, create_subscription.on_failure);
    perform esdb._check_filters(
        create_subscription.bounded_contexts, create_subscription.group_contexts, create_subscription.feature_contexts);
    perform esdb._check_filter_elements(f.argument, f.filter)
    from (
        values
            ('event_types', create_subscription.event_types),
            ('aggregate_types', create_subscription.aggregate_types),
            ('bounded_contexts', create_subscription.bounded_contexts),
            ('group_contexts', create_subscription.group_contexts),
            ('feature_contexts', create_subscription.feature_contexts)
    ) as f (argument, filter);
    _start := esdb._start_position('from_position', create_subscription.from_position);

    insert into esdb.subscription_definitions
        (name, from_position, partitions, bounded_contexts, group_contexts, feature_contexts, event_types, aggregate_types,
         max_attempts, on_failure)
    values
        (create_subscription.name, create_subscription.from_position, create_subscription.partitions,
         create_subscription.bounded_contexts, create_subscription.group_contexts, create_subscription.feature_contexts,
         create_subscription.event_types, create_subscription.aggregate_types, create_subscription.max_attempts,
         create_subscription.on_failure)
    on conflict do nothing;
    if found then
        insert into esdb.subscription_partitions (subscription, partition)
        select create_subscription.name, n.n from generate_series(0, create_subscription.partitions - 1) as n (n);
        insert into esdb.subscription_checkpoints (subscription, partition, position)
        select create_subscription.name, n.n, _start from generate_series(0, create_subscription.partitions - 1) as n (n);
        perform esdb._audit('create subscription', d.name, to_jsonb(d) || jsonb_build_object('position', _start))
        from esdb.subscription_definitions as d
        where d.name = create_subscription.name;
    elsif not exists (
        select
        from esdb.subscription_definitions as d
        where d.name = create_subscription.name
            and d.from_position = create_subscription.from_position
            and d.partitions = create_subscription.partitions
            and esdb._same_filter(d.bounded_contexts, create_subscription.bounded_contexts)
            and esdb._same_filter(d.group_contexts, create_subscription.group_contexts)
            and esdb._same_filter(d.feature_contexts, create_subscription.feature_contexts)
            and esdb._same_filter(d.event_types, create_subscription.event_types)
            and esdb._same_filter(d.aggregate_types, create_subscription.aggregate_types)
            and d.max_attempts = create_subscription.max_attempts
            and d.on_failure = create_subscription.on_failure
    ) then
        perform esdb._invalid_argument(
            'name', format('subscription %s is there with another definition', create_subscription.name),
            'The view esdb.subscriptions tells it. Choose another name, or call esdb.drop_subscription() first.');
    end if;
end
$function$;

comment on function esdb.create_subscription(text, bigint, integer, text[], text[], text[], text[], text[], integer, text) is
    'Makes a subscription: the store keeps its place. from_position: it begins behind it; 0: with the first event, -1: from now on. partitions: how many workers can be at it at once (1 to 1024); each aggregate belongs to one. Array arguments filter as those of read_all(). max_attempts: deliveries after which an event is parked; on_failure: what becomes of the rest of its aggregate: park: it goes on, stop: it waits. The same again changes nothing. Errors: SE005, SE009, SE011, SE022.';

revoke all on function esdb.create_subscription(text, bigint, integer, text[], text[], text[], text[], text[], integer, text) from public;
grant execute on function esdb.create_subscription(text, bigint, integer, text[], text[], text[], text[], text[], integer, text)
    to esdb_consumer, esdb_maintainer;
