-- Notes in the audit log what the transaction does to the store; it is there if and only if the transaction commits.
create or replace function esdb._audit(
    action text,
    subject text,
    details jsonb default '{}',
    affected bigint default null
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
insert into esdb.audit_log (action, subject, affected, details)
values (action, subject, affected, details)
$function$;

comment on function esdb._audit(text, text, jsonb, bigint) is 'Adds a row to esdb.audit_log.';

revoke all on function esdb._audit(text, text, jsonb, bigint) from public;
