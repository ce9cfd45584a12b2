-- Each aggregate belongs to one partition, for good; each partition has one worker, and together they get every event once.
select plan(9);

-- independently: int.from_bytes(hashlib.sha256(id.encode()).digest()[:4], 'big') >> 1, modulo the partitions
select is(esdb._partition_of(asked.id, asked.partitions), asked.partition, format('%s of %s', asked.id, asked.partitions))
from (
    values
        ('s1', 1024, 798),
        ('x', 1024, 801),
        ('Zürich', 7, 5),
        ('x', 1, 0)
) as asked (id, partitions, partition);

select esdb.append_event('s' || n % 20, 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 200) as g (n);
call settle();
select esdb.create_subscription('shared', partitions => 3);
create temporary table got (worker text, partition integer, position bigint, aggregate_id text);
insert into got select 'a', c.partition, c.position, c.aggregate_id from esdb.claim_events('shared', 'a', 1000) as c;
insert into got select 'b', c.partition, c.position, c.aggregate_id from esdb.claim_events('shared', 'b', 1000) as c;
insert into got select 'c', c.partition, c.position, c.aggregate_id from esdb.claim_events('shared', 'c', 1000) as c;
select is_empty($$select * from esdb.claim_events('shared', 'd')$$, 'there are no more partitions than there are');
select is((select count(distinct g.position) from got as g), 200::bigint, 'every event is delivered');
select is((select count(*) from got), 200::bigint, 'to one worker');
select is((select count(distinct (g.aggregate_id, g.worker)) from got as g), 20::bigint, 'all of an aggregate to the same');
select is(
    (select bool_and(esdb._partition_of(g.aggregate_id, 3) = g.partition) from got as g), true, 'the one of its partition');

select * from finish();
