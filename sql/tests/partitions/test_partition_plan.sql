-- esdb._partition_plan() names what is due, in phases: nothing, months, a used overflow in three, a new context.
select plan(17);

-- the plan of one context, as text
create function pg_temp.plan_of(code text, months integer default null)
returns table (phase integer, action text, partition text)
language sql
as $$
select p.phase, p.action, p.partition
from esdb._partition_plan(months) with ordinality as p
where p.bounded_context = code
order by p.ordinality
$$;
create function pg_temp.month(months integer)
returns text
language sql
as $$select to_char(esdb._utc_month(clock_timestamp(), months) at time zone 'UTC', '"y"YYYY"m"MM')$$;

select is_empty('select * from esdb._partition_plan()', 'nothing is due once partitions have been made');
select is_empty('select * from esdb._partition_plan(3)', 'three months are the default');
select is_empty('select * from esdb._partition_plan(0)', 'fewer months are there too');

select results_eq(
    $$select * from pg_temp.plan_of('n', 5)$$,
    $$values
        (1, 'detach_overflow', 'events_note_overflow'),
        (1, 'create_month', 'events_note_' || pg_temp.month(4)),
        (1, 'create_month', 'events_note_' || pg_temp.month(5)),
        (1, 'attach_overflow', 'events_note_overflow')$$,
    'months are made while the empty overflow stands aside, in one phase'
);
select is((select count(distinct bounded_context) from esdb._partition_plan(5)), 9::bigint, 'for every context');
select is_empty(
    $$select from esdb._partition_plan(5) where action = 'create_month' and upper_bound <> esdb._utc_month(lower_bound, 1)$$,
    'each of one month'
);
update esdb.settings set value = '5' where name = 'partitions_ahead';
select results_eq('select * from esdb._partition_plan()', 'select * from esdb._partition_plan(5)', 'the setting is the default');
update esdb.settings set value = null where name = 'partitions_ahead';

-- a used overflow
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
update esdb.streams set updated_at = esdb._utc_month(clock_timestamp(), 6) + interval '1 day';
select esdb.append_event('s', 'T', '{}');
select results_eq(
    $$select * from pg_temp.plan_of('n')$$, $$values
        (1, 'bound_overflow', 'events_note_overflow'),
        (2, 'validate_overflow', 'events_note_overflow'),
        (3, 'detach_overflow', 'events_note_overflow'),
        (3, 'attach_span', 'events_note_' || pg_temp.month(4) || '_' || pg_temp.month(9)),
        (3, 'create_overflow', 'events_note_overflow')$$,
    'a used overflow gets bounds, has them proven, and becomes a span, in three phases'
);
select results_eq(
    $$select lower_bound, upper_bound, bound_constraint from esdb._partition_plan() where bounded_context = 'n' and phase < 3$$,
    $$select esdb._utc_month(clock_timestamp(), 4), esdb._utc_month(clock_timestamp(), 10),
        to_char(esdb._utc_month(clock_timestamp(), 10) at time zone 'UTC', '"spans_until_"YYYY_MM')
    from generate_series(1, 2)$$,
    'from its lower bound to as many whole months past its newest event''s as partitions are made ahead'
);
select is_empty($$select * from esdb._partition_plan() where bounded_context <> 'n'$$, 'other contexts have nothing to do');
do $$
declare
    _due record;
begin
    select * into _due from esdb._partition_plan() where action = 'bound_overflow';
    execute format(
        'alter table esdb.events_note_overflow add constraint %I check (timestamp >= %L and timestamp < %L) not valid',
        _due.bound_constraint, _due.lower_bound, _due.upper_bound);
end
$$;
select results_eq(
    $$select * from pg_temp.plan_of('n')$$, $$values
        (2, 'validate_overflow', 'events_note_overflow'),
        (3, 'detach_overflow', 'events_note_overflow'),
        (3, 'attach_span', 'events_note_' || pg_temp.month(4) || '_' || pg_temp.month(9)),
        (3, 'create_overflow', 'events_note_overflow')$$,
    'with the bounds there, what is left begins with their proof'
);
do $$
begin
    execute (select format('alter table esdb.events_note_overflow validate constraint %I', bound_constraint) from esdb._partition_plan() where action = 'validate_overflow');
end
$$;
select results_eq(
    $$select * from pg_temp.plan_of('n')$$,
    $$values
        (3, 'detach_overflow', 'events_note_overflow'),
        (3, 'attach_span', 'events_note_' || pg_temp.month(4) || '_' || pg_temp.month(9)),
        (3, 'create_overflow', 'events_note_overflow')$$,
    'with them proven, the span and a new overflow are left'
);
select results_eq(
    $$select action, lower_bound, upper_bound from esdb._partition_plan() where action <> 'detach_overflow'$$,
    $$values
        ('attach_span', esdb._utc_month(clock_timestamp(), 4), esdb._utc_month(clock_timestamp(), 10)),
        ('create_overflow', esdb._utc_month(clock_timestamp(), 10), null)$$,
    'without a gap between them'
);

-- a new context
select results_eq(
    $$select bounded_context, context_name, action, partition, overflow from esdb._partition_plan(0, 'o', 'order') where action <> 'create_month'$$,
    $$values
        ('o', 'order', 'create_context', 'events_order', 'events_order_overflow'),
        ('o', 'order', 'create_overflow', 'events_order_overflow', 'events_order_overflow')$$,
    'what a context will need is known before it is registered'
);
select is_empty(
    $$select * from esdb._partition_plan(null, 'b', 'bookmark')$$, 'a registered one is planned alone'
);
alter domain esdb.bounded_context_code drop constraint bounded_context_code_known;
insert into esdb.bounded_contexts (code, name)
values ('o', 'order');
select results_eq(
    $$select * from pg_temp.plan_of('o', 1)$$,
    $$values
        (1, 'create_context', 'events_order'),
        (1, 'create_month', 'events_order_' || pg_temp.month(-1)),
        (1, 'create_month', 'events_order_' || pg_temp.month(0)),
        (1, 'create_month', 'events_order_' || pg_temp.month(1)),
        (1, 'create_overflow', 'events_order_overflow')$$,
    'a new context gets its table, last month to the months ahead, and an overflow'
);
select results_eq(
    $$select action, partition, lower_bound, upper_bound from esdb._partition_plan(1, 'o', 'order')$$,
    $$select action, partition, lower_bound, upper_bound from esdb._partition_plan(1) where bounded_context = 'o'$$,
    'by itself or with the others'
);

select * from finish();
