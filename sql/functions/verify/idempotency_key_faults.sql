-- Idempotency keys that name versions which their stream does not have: a repetition would not find its first result.
-- One row a fault: the first max_count, and in `total` how many there are. One statement, so one snapshot. Locks nothing.
create or replace function esdb_meta.idempotency_key_faults(
    aggregate_id text default null,
    max_count integer default 100
)
returns table (
    kind text,
    name text,
    fault text,
    total bigint
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
begin
    return query
    select
        'idempotency key',
        format('%s of %s', k.key, k.aggregate_id),
        case
            when s.aggregate_id is null then 'there is no such stream'
            else format('names %s events from version %s on, but the stream is at version %s',
                k.event_count, k.first_version, s.version)
        end,
        count(*) over ()
    from esdb.idempotency_keys as k
    left join esdb._streams as s on s.aggregate_id = k.aggregate_id
    where (
            k.first_version >= 1 and k.event_count >= 1
            and k.first_version + k.event_count - 1 <= s.version
        ) is not true
        and (idempotency_key_faults.aggregate_id is null or k.aggregate_id = idempotency_key_faults.aggregate_id)
    order by k.aggregate_id, k.key
    limit idempotency_key_faults.max_count;
end
$function$;

comment on function esdb_meta.idempotency_key_faults(text, integer) is
    'Idempotency keys that point beyond their stream or to none: the first max_count.';

revoke all on function esdb_meta.idempotency_key_faults(text, integer) from public;
grant execute on function esdb_meta.idempotency_key_faults(text, integer) to esdb_maintainer;
