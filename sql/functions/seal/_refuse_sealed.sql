-- The barrier of a sealed partition: refuses every event that would come into it.
--
-- A row-level trigger, because an event that is routed from esdb.events fires no other of the leaf. It is made by
-- templates/close_partition.sql.j2 under a lock that waits out the appends in progress. Errors: SE012.
create or replace function esdb._refuse_sealed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'the month is sealed: %', to_char(new.timestamp at time zone 'UTC', 'YYYY-MM')
        using errcode = 'SE012',
              detail = format('an event of stream %s with timestamp %s met the sealed partition %s',
                  new.aggregate_id, new.timestamp, tg_table_name),
              hint = 'Retry. If it comes again, the server''s clock stands in a month that is over: set it right.';
end
$function$;

comment on function esdb._refuse_sealed() is 'Trigger: raises SE012 on any event that would come into a sealed partition.';

revoke all on function esdb._refuse_sealed() from public;
