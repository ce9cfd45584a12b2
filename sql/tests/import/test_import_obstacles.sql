-- Before a batch is written, missing months are made and sealed ones unsealed; archived ones are refused.
select plan(5);
begin;

select esdb._import_begin();
insert into esdb_import_events
select n, n, 'id-' || n, 'b', 'm', 'c', 'create', 'bookmark', 's-' || n, 'Happened', 1, 1, t, null, '{}', null, 'app'
from (values (1, '2001-02-28 23:59:59+00'::timestamptz), (2, '2001-03-01 00:00:00+00'), (3, clock_timestamp())) as v (n, t);
select esdb._import_steps();
select results_eq(
    'select action, partition from esdb._import_obstacles()',
    $$values ('create_month', 'events_bookmark_y2001m02'), ('create_month', 'events_bookmark_y2001m03')$$,
    'months that no partition holds are to be made'
);
select is(
    (select upper_bound from esdb._import_obstacles() limit 1), '2001-03-01 00:00:00+00'::timestamptz, 'with their bounds in UTC'
);

create table esdb.events_bookmark_y2001m02 partition of esdb.events_bookmark
    for values from ('2001-02-01 00:00:00+00') to ('2001-03-01 00:00:00+00');
create trigger events_are_sealed before insert on esdb.events_bookmark_y2001m02
    for each row execute function esdb._refuse_sealed();
select results_eq(
    'select action, partition from esdb._import_obstacles() order by partition',
    $$values ('unseal', 'events_bookmark_y2001m02'), ('create_month', 'events_bookmark_y2001m03')$$,
    'a sealed one is to be unsealed'
);

insert into esdb.seals (number, bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest)
values (1, 'b', '2001-02-01 00:00:00+00', '2001-03-01 00:00:00+00', 1, 1, 1, '', '');
insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)
values ('b', '2001-02-01 00:00:00+00', 'events_bookmark_y2001m02', '/archive', 'archived', false, now());
select refused('select * from esdb._import_obstacles()', 'SE013', '%events_bookmark_y2001m02%', 'an archived one is refused');

truncate esdb.archives, esdb.seals cascade;
insert into esdb_import_events
select n, n, 'many-' || n, 'b', 'm', 'c', 'create', 'bookmark', 'many-' || n, 'Happened', 1, 1,
    esdb._utc_month(timestamptz '2001-02-01 UTC', n), null, '{}', null, 'app'
from generate_series(
    4, current_setting('max_locks_per_transaction')::integer
        * (current_setting('max_connections')::integer + current_setting('max_prepared_transactions')::integer) * 3 / 28 + 10
) as n;
select esdb._import_steps();
select throws_matching(
    'select * from esdb._import_obstacles()', 'too many partitions for the server''s lock table',
    'a batch in more partitions than the server can lock is refused before anything is made');

select * from finish();
rollback;
