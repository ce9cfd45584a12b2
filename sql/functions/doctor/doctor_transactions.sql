-- Transactions of this database that are open for too long: idle, at work, or prepared and left over. Sees of other roles'
-- sessions what the caller may see. Locks nothing.
create or replace function esdb_meta.doctor_transactions()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select
    case when session.state like 'idle in transaction%' then 'idle_transaction' else 'long_transaction' end,
    'warning',
    format('pid %s', session.pid),
    format('%s (%s): %s, open since %s', session.usename, session.application_name, session.state,
        date_trunc('second', session.xact_start)),
    format('select pg_terminate_backend(%s);', session.pid),
    'sql'
from pg_stat_activity as session
where session.datname = current_database()
    and session.pid <> pg_backend_pid()
    and session.backend_type = 'client backend'
    and case
        when session.state like 'idle in transaction%' then session.state_change + interval '1 minute' <= clock_timestamp()
        else session.xact_start + interval '1 hour' <= clock_timestamp()
    end
union all
select
    'prepared_transaction',
    case when prepared.prepared + interval '1 hour' <= clock_timestamp() then 'critical' else 'warning' end,
    'prepared transaction ' || prepared.gid,
    format('of %s, prepared at %s', prepared.owner, date_trunc('second', prepared.prepared)),
    format('rollback prepared %L;', prepared.gid),
    'sql'
from pg_prepared_xacts as prepared
where prepared.database = current_database()
    and prepared.prepared + interval '1 minute' <= clock_timestamp()
$function$;

comment on function esdb_meta.doctor_transactions() is
    'Findings of `esdb doctor` about transactions: idle for a minute, open for an hour, prepared for a minute.';

revoke all on function esdb_meta.doctor_transactions() from public;
grant execute on function esdb_meta.doctor_transactions() to esdb_maintainer;
