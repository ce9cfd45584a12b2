-- Notes that a table with an archived partition's name is, from here on, what a restore is making: nothing that is kept.
-- Locks: the maintenance lock, until the transaction ends. Errors: 55000 (not archived, or its table is there).
create or replace function esdb._begin_restore(
    bounded_context text,
    lower_bound timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    perform esdb._lock_maintenance();
    update esdb.archives as a
    set keeps_table = false
    where a.bounded_context = _begin_restore.bounded_context
        and a.lower_bound = _begin_restore.lower_bound
        and a.state = 'archived'
        and to_regclass(format('esdb.%I', a.partition)) is null;
    if not found then
        raise exception 'the partition is not archived, or its table is there'
            using errcode = '55000',
                  detail = format('context %s, from %s', bounded_context, lower_bound),
                  hint = 'Run `esdb partitions restore` again.';
    end if;
end
$function$;

comment on function esdb._begin_restore(text, timestamptz) is
    'Notes that an archived partition''s table is being made anew; 55000 where there is one.';

revoke all on function esdb._begin_restore(text, timestamptz) from public;
