-- A caller's temporary types are not what the store's functions find by an unqualified name: a domain's CHECK would run
-- the caller's code as the store's owner.
select plan(17);

create temporary table outcome (
    number serial,
    statement text,
    result text
);

begin;
create role mallory nologin;
grant esdb_writer to mallory;
-- in this order: text last, because the statements before it name it
set local role mallory;
create domain pg_temp.jsonb as pg_catalog.jsonb check (public.spy());
create domain pg_temp.timestamptz as pg_catalog.timestamptz check (public.spy());
create domain pg_temp.bytea as pg_catalog.bytea check (public.spy());
create domain pg_temp.text as pg_catalog.text check (public.spy());
set local role none;
select public.attempt_all();
drop domain pg_temp.text;
drop domain pg_temp.bytea;
drop domain pg_temp.timestamptz;
drop domain pg_temp.jsonb;

select is(result, 'works', statement)
from outcome
order by number;
select * from finish();
rollback;
