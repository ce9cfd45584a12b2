-- The parked events of a partition that are to be delivered again, in their order: those that were asked for, those
-- that wait where no failed one of their aggregate is before them, and such a one to be tried again. Locks nothing.
--
-- Without a pinned search_path, so that it is inlined, as _checkpoint() is.
create or replace function esdb._deliverable(
    subscription text,
    partition integer
)
returns setof esdb.subscription_parkings
language sql
stable
parallel safe
begin atomic
select p.*
from esdb.subscription_parkings as p
where p.subscription = _deliverable.subscription
    and p.partition = _deliverable.partition
    and (p.state <> 'failed' or p.retry_at is not null)
    and coalesce(p.retry_at <= pg_catalog.statement_timestamp(), true)
    and not exists (
        select
        from esdb.subscription_parkings as f
        join esdb.subscription_definitions as d on d.name = f.subscription
        where f.subscription = p.subscription
            and f.partition = p.partition
            and f.aggregate_id = p.aggregate_id
            and f.position < p.position
            and f.state = 'failed'
            and d.on_failure = 'stop'
    )
order by p.position;
end;

comment on function esdb._deliverable(text, integer) is 'The parked events of a partition that are to be delivered again.';

revoke all on function esdb._deliverable(text, integer) from public;
