-- After a nack the partition rests: retry_delay, doubled with each attempt, up to retry_delay_limit.
select plan(7);

select is(esdb._retry_pause(asked.attempts), asked.pause::interval, format('after attempt %s', asked.attempts))
from (
    values
        (1, '1 second'),
        (2, '2 seconds'),
        (6, '32 seconds'),
        (7, '1 minute'),
        (1000000, '1 minute')
) as asked (attempts, pause);

update esdb.settings set value = '1 hour' where name in ('retry_delay', 'retry_delay_limit');
select esdb.append_event('s', 'T', '{}', bounded_context => 'n', group_context => 'm');
call settle();
select esdb.create_subscription('all');
select claimed('all', 'w');
select esdb.nack('all', token_of('w'), 1, 'later');
select is(claimed('all', 'w'), 'none', 'the partition rests');
select ok(
    (select c.retry_at - clock_timestamp() between '59 minutes' and '1 hour' from esdb.subscription_checkpoints as c), 'for an hour');

select * from finish();
