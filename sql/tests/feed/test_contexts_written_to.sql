-- At its head the feed leaves out the contexts whose partition of the month was never written to; what is not certain counts
-- as written to.
select plan(8);

create function pg_temp.written(contexts text[], at timestamptz default now())
returns text[]
language sql
return array(select w.code from esdb._written_contexts(at, contexts) as w order by w.code collate "C");

create function pg_temp.leaf(context_name text)
returns text
language sql
return format('events_%s_%s', context_name, to_char(now() at time zone 'UTC', '"y"YYYY"m"MM'));

select is(pg_temp.written(null), '{}', 'in a new store nobody has written');
select is(
    pg_temp.written('{n,nt}', '2200-01-15'), '{n,nt}', 'where no partition was made, an overflow may hold what was written');

select esdb.append_event('s', 'T', '{}', 0, 'b', 'm');
select is(pg_temp.written(null), '{b}', 'who wrote is in');
select is(pg_temp.written('{n,b}'), '{b}', 'if asked for');
select is(pg_temp.written('{n}'), '{}', 'else not');

do $do$
begin
    execute format('alter table esdb.events_note detach partition esdb.%I', pg_temp.leaf('note'));
    execute format('alter table esdb.%I rename to another', pg_temp.leaf('nt'));
end
$do$;
select is(pg_temp.written(null), '{b,n,nt}', 'an empty partition that is out of the tree or has another name proves nothing');

select results_eq(
    'select e.aggregate_id from esdb.read_all() as e', $$values ('s' collate "C")$$, 'the feed shows what is there');
select is_empty($$select from esdb.read_all(bounded_contexts => '{p}')$$, 'and nothing of who has not written');

select * from finish();
