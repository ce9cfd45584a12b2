-- The audit log for those who may read it: the table is the owner's. OFFSET, because a view with it cannot be written
-- through.
create or replace view esdb.audit_trail as
select
    l.number,
    l.at,
    l.principal,
    l.client_address,
    l.application_name,
    l.action,
    l.subject,
    l.affected,
    l.details
from esdb.audit_log as l
order by l.number
offset 0;

comment on view esdb.audit_trail is
    'Who did what to the store, apart from appending: seals, archives, settings, contexts, migrations …; affected: how many events, snapshots, keys or files. A query reads the log as a whole, half a second a million rows, whatever it asks for. Worry about a principal or client_address that you do not know; about an unseal, a recover, a reset or dropped subscription that nobody planned; and when there is no seal for over a month: `esdb maintain` is not running.';

revoke all on esdb.audit_trail from public;
grant select on esdb.audit_trail to esdb_maintainer;
