-- The plan makes an overflow that somebody dropped, behind the months there are.
select plan(2);

drop table esdb.events_note_overflow;

select results_eq(
    'select action, partition, lower_bound from esdb._partition_plan()',
    $$select 'create_overflow', 'events_note_overflow', max(p.upper_bound) from esdb.partitions as p where p.context_name = 'note'$$,
    'only the overflow is due'
);
select results_eq(
    'select action from esdb._partition_plan(5) where context_name = ''note''',
    $$values ('create_month'), ('create_month'), ('create_overflow')$$,
    'and months before it where more are wanted'
);

select * from finish();
