-- esdb.partition_status measures by the clock what is ahead, and says what is wrong and what waits.
select plan(19);

call take_the_clock();

select results_eq(
    $$select bounded_context, months_ahead, months_wanted, overflow_rows, overflow_since, bound_until, archives_unfinished, past_retain,
        reasons, remarks from esdb.partition_status where bounded_context = 'n'$$,
    $$values ('n', 3, 3, null::bigint, null::timestamptz, null::timestamptz, 0::bigint, 0::bigint, '{}'::text[], '{}'::text[])$$,
    'a new store has what it wants'
);
select is(count(*), 9::bigint, 'one row a context') from esdb.partition_status;

update esdb.settings set value = '5' where name = 'partitions_ahead';
select is(reasons, array['months ahead of the clock: 3, wanted: 5; run esdb partitions create-next'], 'months are missing')
from esdb.partition_status
where bounded_context = 'n';
update esdb.settings set value = null where name = 'partitions_ahead';

select pg_temp.at(pg_temp.month(1) + interval '23 hours');
select is(months_ahead, 2, 'when a month begins there is one ahead less') from esdb.partition_status where bounded_context = 'n';
select is_empty('select from esdb.partition_status where reasons <> ''{}''', 'which is none to report for a day');
select pg_temp.at(pg_temp.month(1) + interval '25 hours');
select is(count(*), 9::bigint, 'but then')
from esdb.partition_status
where reasons = array['months ahead of the clock: 2, wanted: 3; run esdb partitions create-next'];
select results_eq(
    $$select seals_due, seals_due_since, remarks from esdb.partition_status where bounded_context = 'n'$$,
    $$select 2::bigint, pg_temp.month(0) + interval '1 day', array[format('due for sealing since %s, 2 in all; run esdb maintain',
        to_char(pg_temp.month(0) + interval '1 day', 'YYYY-MM-DD'))]$$,
    'a leaf is due for sealing a day after its end, and told of after a month'
);
insert into esdb.seals (number, bounded_context, lower_bound, upper_bound, event_count, events_digest, digest)
values (1, 'n', pg_temp.month(-1), pg_temp.month(0), 0, '', '');
select results_eq(
    $$select seals_due, seals_due_since, remarks from esdb.partition_status where bounded_context = 'n'$$,
    $$select 1::bigint, pg_temp.month(1) + interval '1 day', '{}'::text[]$$, 'a sealed one is due no more'
);
update esdb.bounded_contexts set retain = '10 days' where code = 'n';
select results_eq(
    $$select past_retain, past_retain_since, remarks from esdb.partition_status where bounded_context = 'n'$$,
    $$select 1::bigint, pg_temp.month(0) + interval '10 days', '{}'::text[]$$, 'nor told of at once when it is past its time'
);
select pg_temp.at(pg_temp.month(1) + interval '11 days');
select matches(remarks[1], '^past the time to be kept since .*, 2 in all; run esdb partitions archive$', 'after a month both are')
from esdb.partition_status
where bounded_context = 'n';

-- the overflow
select pg_temp.at(pg_temp.month(5) + interval '2 days');
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select esdb.append_event('s', 'T', '{}', 1);
select results_eq(
    $$select months_ahead, overflow_since, overflow_rows > 0 from esdb.partition_status where bounded_context = 'n'$$,
    $$select -2, (select min(e.timestamp) from esdb.events_note_overflow as e), true$$,
    'a used overflow is told, with since when'
);
select is(array_length(reasons, 1), 2, 'which is wrong, beside the months that are missing')
from esdb.partition_status
where bounded_context = 'n';
select is(overflow_rows, null, 'an unused one holds nothing') from esdb.partition_status where bounded_context = 'b';
alter table esdb.events_note_overflow add constraint spans_until_2099_04 check (timestamp < '2099-04-01') not valid;
select ok(
    bound_until = '2099-04-01 00:00:00+00' and 'the overflow has an unfinished bound, appends fail from 2099-04-01 on; run esdb partitions create-next' = any(reasons),
    'an unfinished bound is told, with what it means'
)
from esdb.partition_status
where bounded_context = 'n';

insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, begun_at)
values ('n', pg_temp.month(-1), 'x', '/archive', 'detaching', false, clock_timestamp() - interval '23 hours');
select ok(archives_unfinished = 1 and not exists (select from unnest(s.reasons) as r (reason) where r.reason ~ '^archiving'), 'an archive in the making has a day')
from esdb.partition_status as s
where bounded_context = 'n';
update esdb.archives set begun_at = begun_at - interval '2 hours';
select ok(exists (select from unnest(s.reasons) as r (reason) where r.reason ~ '^archiving is unfinished since .*; run esdb partitions archive again$'), 'no more')
from esdb.partition_status as s
where bounded_context = 'n';

-- what is not there
drop table esdb.events_bookmark;
drop table esdb.events_nt_overflow;
select matches(reasons[1], 'missing; run esdb partitions create-next', 'a context without its table') from esdb.partition_status where bounded_context = 'b';
select is(months_ahead, null, 'has nothing ahead') from esdb.partition_status where bounded_context = 'b';
select matches(reasons[1], '^no overflow, .*; run esdb partitions create-next', 'one without its overflow') from esdb.partition_status where bounded_context = 'nt';

select * from finish();
