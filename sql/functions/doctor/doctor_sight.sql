-- Whether the caller sees other roles' sessions: without that, checks of transactions, connections and the feed find less.
-- Locks nothing.
create or replace function esdb_meta.doctor_sight()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
select
    'sight_limited',
    'notice',
    'role ' || current_user,
    'it may not see the sessions of other roles, so nothing is found of them',
    format('grant pg_read_all_stats to %I;', current_user),
    'sql'
where not pg_has_role(current_user, 'pg_read_all_stats', 'usage')
$function$;

comment on function esdb_meta.doctor_sight() is
    'Findings of `esdb doctor` about what its caller may not see.';

revoke all on function esdb_meta.doctor_sight() from public;
grant execute on function esdb_meta.doctor_sight() to esdb_maintainer;
