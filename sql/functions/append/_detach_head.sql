-- Moves a stream's head out of its row into esdb.detached_heads; nothing happens where it is detached already.
-- Locks the stream's row until the transaction ends.
create or replace function esdb._detach_head(
    aggregate_id text
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
with stream as (
    select s.aggregate_id, s.version, s.month_version, s.updated_at
    from esdb.streams as s
    where s.aggregate_id = _detach_head.aggregate_id
        and s.version is not null
    for no key update
),
detached as (
    update esdb.streams as s
    set version = null
    from stream as o
    where s.aggregate_id = o.aggregate_id
)
insert into esdb.detached_heads (aggregate_id, version, month_version, updated_at)
select o.aggregate_id, o.version, o.month_version, o.updated_at
from stream as o
$function$;

comment on function esdb._detach_head(text) is 'Moves a stream''s head out of its row into esdb.detached_heads.';

revoke all on function esdb._detach_head(text) from public;
