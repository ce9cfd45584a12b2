-- A lease begins when its events are found, however long the search was.
select plan(3);

select esdb.append_event('s', 'T', '{}', bounded_context => 'n', group_context => 'm');
call settle();
select esdb.create_subscription('all');

-- a search that notes when it ends
alter function esdb._scan_partition rename to _scan_partition_itself;
create function esdb._scan_partition(
    definition esdb.subscription_definitions, partition integer, after_position bigint, up_to_position bigint, wanted integer,
    out events esdb.events[], out scanned_to bigint)
language plpgsql
as $$
begin
    select s.* into events, scanned_to
    from esdb._scan_partition_itself(definition, partition, after_position, up_to_position, wanted) as s;
    perform set_config('search.ended', clock_timestamp()::text, false);
end
$$;

select is(claimed('all', 'w'), '1', 'after a search');
select ok(
    (select lease_until from esdb.subscription_lag) >= current_setting('search.ended')::timestamptz + interval '30 seconds',
    'the worker has all of the lease');
select lives_ok($$select esdb.ack('all', token_of('w'), 1)$$, 'to handle it');

select * from finish();
