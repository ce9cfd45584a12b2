-- The checkpoint of a partition as the calling statement sees it. Who is going to change it calls _lock_checkpoint().
create or replace function esdb._checkpoint(
    subscription text,
    partition integer
)
returns esdb.subscription_checkpoints
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select c.*
from esdb.subscription_checkpoints as c
where c.subscription = _checkpoint.subscription and c.partition = _checkpoint.partition
order by c.number desc
limit 1
$function$;

comment on function esdb._checkpoint(text, integer) is 'The newest checkpoint of a partition of a subscription.';

revoke all on function esdb._checkpoint(text, integer) from public;
