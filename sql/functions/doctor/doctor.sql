-- Makes every check of `esdb doctor`, one after the other, each in a subtransaction: one that cannot run is a finding
-- itself, and so is one that waits for a lock for two seconds. As its caller, who sees other roles' sessions or does not.
-- Locks what the checks lock, which is next to nothing.
create or replace function esdb_meta.doctor()
returns table (
    severity text,
    finding text,
    subject text,
    fact text,
    why text,
    mend text,
    mend_by text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '2s'
set datestyle = 'ISO, YMD'
set intervalstyle = postgres
as $function$
#variable_conflict use_column
-- volatile: each check sees what is there when it begins; @plpgsql_check_options: performance_warnings = off
declare
    _check text;
begin
    for _check in
        select distinct c.made_by from esdb_meta.doctor_checks() as c where c.made_by is not null order by c.made_by
    loop
        begin
            return query execute format(
                'select f.severity, f.finding, f.subject, f.fact, c.why, f.mend, f.mend_by
                from esdb_meta.%I() as f
                join esdb_meta.doctor_checks() as c on c.finding = f.finding', 'doctor_' || _check);
        exception
            when others then
                return query
                    select 'warning', c.finding, 'check ' || _check, format('%s (%s)', sqlerrm, sqlstate), c.why,
                        format('select * from esdb_meta.%I();', 'doctor_' || _check), 'hand'
                    from esdb_meta.doctor_checks() as c
                    where c.finding = 'check_failed';
        end;
    end loop;
end
$function$;

comment on function esdb_meta.doctor() is
    'Everything that `esdb doctor` finds; the view esdb.findings shows it in order.';

revoke all on function esdb_meta.doctor() from public;
grant execute on function esdb_meta.doctor() to esdb_maintainer;
