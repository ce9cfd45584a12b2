-- The end (UTC) of the newest partition ever archived: a read of later times alone need not ask what is archived.
create or replace function esdb._archived_until()
returns timestamptz
language sql
volatile
parallel safe
return pg_catalog.to_timestamp(coalesce(pg_catalog.pg_sequence_last_value('esdb.archived_until'::regclass), 0));

comment on function esdb._archived_until() is 'The end (UTC) of the newest partition ever archived.';

revoke all on function esdb._archived_until() from public;
