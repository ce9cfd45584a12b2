-- A caller's temporary relations are not what the store's functions find by an unqualified name: a view would run the
-- caller's code as the store's owner, and hide the announcements of open appends from the feed.
select plan(18);

create temporary table outcome (
    number serial,
    statement text,
    result text
);

begin;
create role mallory nologin;
grant esdb_writer to mallory;
select esdb.append_event('open', 'T', '{}', 0, 'n', 'm');
set local role mallory;
create temporary view pg_locks as
select
    'advisory' as locktype,
    1::smallint as objsubid,
    (29281::bigint << 16)::oid as classid,
    case when public.spy() then 4096 end::oid as objid,
    d.oid as database
from pg_catalog.pg_database as d
where d.datname = pg_catalog.current_database();
create temporary view pg_database as
select d.oid, d.datname from pg_catalog.pg_database as d where public.spy();
set local role none;
select public.attempt_all();
drop view pg_temp.pg_locks;
drop view pg_temp.pg_database;

select is(result, 'works', statement)
from outcome
order by number;
select cmp_ok(
    (select coalesce(pg_sequence_last_value('esdb.established_mark'), 0)), '<=', 0::bigint,
    'no mark was recorded beyond this transaction''s announcement'
);
select * from finish();
rollback;
