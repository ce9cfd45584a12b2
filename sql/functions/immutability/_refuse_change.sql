-- Refuses every UPDATE, DELETE and TRUNCATE of the table it is attached to, the owner's too.
--
-- A statement-level trigger, because TRUNCATE knows no other and because it fires for the table a statement names:
-- it stands on events, on each context's table and on each leaf (the templates attach it), so no door is left; and on
-- the audit log.
-- ENABLE ALWAYS: session_replication_role = replica does not open one either. Errors: SE008.
create or replace function esdb._refuse_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception '% are immutable', case tg_table_name when 'audit_log' then 'audit rows' else 'events' end
        using errcode = 'SE008',
              detail = format('%s of %I.%I', tg_op, tg_table_schema, tg_table_name),
              hint = case tg_table_name
                  when 'audit_log' then 'The audit log only grows.'
                  else 'Append an event that corrects it.'
              end;
end
$function$;

comment on function esdb._refuse_change() is 'Trigger: raises SE008 on any UPDATE, DELETE or TRUNCATE.';

revoke all on function esdb._refuse_change() from public;

create or replace trigger events_are_immutable
    before update or delete or truncate on esdb.events
    for each statement execute function esdb._refuse_change();

alter table esdb.events enable always trigger events_are_immutable;

create or replace trigger audit_rows_are_immutable
    before update or delete or truncate on esdb.audit_log
    for each statement execute function esdb._refuse_change();

alter table esdb.audit_log enable always trigger audit_rows_are_immutable;
