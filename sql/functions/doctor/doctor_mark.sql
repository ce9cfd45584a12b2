-- Who holds up every consumer: the transactions that have appended and do not end, and locks of the same key that no append
-- has taken, as esdb.open_appends shows them. Looks once at the lock table, locks nothing.
create or replace function esdb_meta.doctor_mark()
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
    'mark_held',
    case when open.age < interval '1 minute' then 'warning' else 'critical' end,
    coalesce('prepared transaction ' || open.prepared, format('pid %s', open.pid)),
    format('%s (%s): %s; consumers see nothing behind position %s', open.principal, open.application_name,
        case
            when open.age is null then 'holds the lock of an append without a transaction'
            else format('%s, open for %s', coalesce(open.state, 'prepared'), date_trunc('second', open.age))
        end,
        open.position),
    open.ended_by || ';',
    'sql'
from esdb.open_appends as open
where open.age >= interval '10 seconds'
    -- of a session that the caller may not see into, nothing is known
    or open.age is null and open.state is not null
$function$;

comment on function esdb_meta.doctor_mark() is
    'Findings of `esdb doctor` about the high-water mark: who holds it up, for ten seconds or longer.';

revoke all on function esdb_meta.doctor_mark() from public;
grant execute on function esdb_meta.doctor_mark() to esdb_maintainer;
