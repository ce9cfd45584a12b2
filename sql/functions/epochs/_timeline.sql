-- The server's timeline, as eight hexadecimal digits: a promotion and a restore to a point in time begin a new one.
-- Not on a standby.
create or replace function esdb._timeline()
returns text
language sql
volatile
parallel restricted
return left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8);

comment on function esdb._timeline() is 'The server''s timeline, as eight hexadecimal digits; not on a standby.';

revoke all on function esdb._timeline() from public;
