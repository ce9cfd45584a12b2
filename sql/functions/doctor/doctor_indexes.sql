-- What esdb.index_health says is wrong with an index. An optional one is a finding for all its parts, because one command
-- mends them. An index that a session may be building is left out. Reads what that view reads, and waits as it does.
create or replace function esdb_meta.doctor_indexes()
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
with faults as (
    select
        case
            when reason.text like 'invalid: %' then 'index_invalid'
            when reason.text like 'missing: %' then 'index_missing'
            when reason.text like 'bloated: %' then 'bloat'
            when reason.text like 'unused %' then 'index_unused'
            else 'index_duplicate'
        end as finding,
        health.origin,
        health.index_name,
        health.bloat_bytes,
        reason.text as reason,
        -- all statements make one that is missing; else there is one for each reason
        case when reason.text like 'missing: %' then health.mended_by else health.mended_by[reason.place:reason.place] end
            as statements
    from esdb.index_health as health
    cross join lateral unnest(health.reasons) with ordinality as reason (text, place)
    where health.mended_by <> '{}'
),
told as (
    select
        faults.*,
        substring(faults.statements[1] from '^esdb indexes [a-z]+ (.*)$') as optional_name
    from faults
)
select
    told.finding,
    case
        when told.finding in ('index_invalid', 'index_missing') and bool_or(told.origin = 'key') then 'critical'
        when told.finding in ('index_invalid', 'index_missing') or sum(told.bloat_bytes) > 1073741824 then 'warning'
        else 'notice'
    end,
    coalesce('optional index ' || told.optional_name, 'index ' || min(told.index_name)),
    case
        when told.optional_name is null then min(told.reason)
        when count(*) = 1 then format('%s: %s', min(told.index_name), min(told.reason))
        else format('%s and %s more: %s', min(told.index_name), count(*) - 1, min(told.reason))
    end,
    case
        when told.optional_name is null then array_to_string(told.statements, ';' || chr(10)) || ';'
        else told.statements[1]
    end,
    case when told.optional_name is null then 'sql' else 'shell' end
from told
group by told.finding, told.optional_name, told.statements
$function$;

comment on function esdb_meta.doctor_indexes() is
    'Findings of `esdb doctor` about indexes, as esdb.index_health has them: invalid, missing, bloated, twice there, unused.';

revoke all on function esdb_meta.doctor_indexes() from public;
grant execute on function esdb_meta.doctor_indexes() to esdb_maintainer;
