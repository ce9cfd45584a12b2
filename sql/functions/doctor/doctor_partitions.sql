-- Whether appends find their partitions, now and in the months to come: what esdb.partition_status says. Locks what that
-- locks.
create or replace function esdb_meta.doctor_partitions()
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
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select
    found.finding,
    found.severity,
    'context ' || status.context_name,
    split_part(found.text, '; run ', 1),
    case found.finding
        when 'archive_unfinished' then 'esdb partitions archive --to DIRECTORY  # the one that was given before'
        when 'retention_overdue' then 'esdb partitions archive --to DIRECTORY'
        else split_part(found.text, '; run ', 2)
    end,
    case when found.finding in ('archive_unfinished', 'retention_overdue') then 'hand' else 'shell' end
from esdb.partition_status as status
cross join lateral (
    select
        case
            when reason like 'months ahead %' then 'partitions_ahead'
            when reason like 'the overflow holds %' then 'overflow_used'
            when reason like 'archiving is unfinished %' then 'archive_unfinished'
            else 'partition_missing'
        end as finding,
        case
            when reason like any (array['months ahead %', 'the overflow holds %', 'archiving is unfinished %']) then 'warning'
            else 'critical'
        end as severity,
        reason as text
    from unnest(status.reasons) as reason
    union all
    select case when remark like 'due for sealing %' then 'sealing_overdue' else 'retention_overdue' end, 'notice', remark
    from unnest(status.remarks) as remark
) as found
$function$;

comment on function esdb_meta.doctor_partitions() is
    'Findings of `esdb doctor` about the partitions: months missing, an overflow used, what waits for maintenance.';

revoke all on function esdb_meta.doctor_partitions() from public;
grant execute on function esdb_meta.doctor_partitions() to esdb_maintainer;
