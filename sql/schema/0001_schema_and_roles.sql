-- The schema and the four roles that applications, consumers and cron are members of.
--
-- Roles belong to the cluster: another database of it may have made them already, or be making them now, so each
-- is made only where it is missing and a lost race is no error. A migrating role without CREATEROLE finds them made
-- by an administrator (`esdb migrate` prints the statements).
do $roles$
declare
    _role text;
begin
    foreach _role in array array['esdb_reader', 'esdb_writer', 'esdb_consumer', 'esdb_maintainer'] loop
        if not exists (select from pg_catalog.pg_roles r where r.rolname = _role) then
            begin
                execute pg_catalog.format('create role %I nologin', _role);
            exception
                when duplicate_object or unique_violation then
                    null;
            end;
        end if;
    end loop;
end
$roles$;

create schema esdb;
comment on schema esdb is 'The event store: append, read, subscribe. Applications call its functions and touch no table.';

revoke all on schema esdb from public;
grant usage on schema esdb to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
