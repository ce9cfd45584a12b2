-- The checkpoint of a partition as the calling statement sees it. Who is going to change it calls _lock_checkpoint().
--
-- A set of one row, without a pinned search_path: so it is inlined into the statements that ask for it, and planned with
-- them once a session.
create or replace function esdb._checkpoint(
    subscription text,
    partition integer
)
returns setof esdb.subscription_checkpoints
language sql
stable
parallel safe
rows 1
begin atomic
select c.*
from esdb.subscription_checkpoints as c
where c.subscription = _checkpoint.subscription and c.partition = _checkpoint.partition
order by c.number desc
limit 1;
end;

comment on function esdb._checkpoint(text, integer) is 'The newest checkpoint of a partition of a subscription.';

revoke all on function esdb._checkpoint(text, integer) from public;
