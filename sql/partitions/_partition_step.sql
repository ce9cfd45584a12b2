-- The variables of one template for one month of a context, as esdb._partition_plan() gives them when it is due: what
-- `esdb partitions render` prints. For create_month, the month; for create_overflow and attach_overflow, an overflow
-- that begins with it; for close_partition, index_partition and open_partition, the leaf that holds the month. Changes
-- and locks nothing. Errors: SE005, SE009.
create or replace function esdb._partition_step(
    context text,
    month timestamptz,
    template text default 'create_month'
)
returns table (
    bounded_context text,
    context_name text,
    action text,
    partition text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    overflow text,
    optional_indexes jsonb
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
begin
    bounded_context := esdb._context_code('bounded', context);
    context_name := (select c.name from esdb.bounded_contexts as c where c.code = bounded_context);
    overflow := format('events_%s_overflow', context_name);
    optional_indexes := esdb._leaf_indexes();
    action := template;
    lower_bound := esdb._utc_month(month);
    upper_bound := esdb._utc_month(month, 1);
    partition := case
        when template in ('create_overflow', 'attach_overflow', 'detach_overflow') then overflow
        when template = 'create_month' then esdb._partition_name(context_name, lower_bound, upper_bound)
        when template in ('close_partition', 'index_partition', 'open_partition') then (
            select l.partition
            from esdb._leaves as l
            where l.bounded_context = _partition_step.bounded_context
                and l.kind <> 'overflow'
                and l.lower_bound <= month
                and l.upper_bound > month
        )
    end;
    if partition is null then
        perform esdb._invalid_argument(
            'month', format('no partition of %s holds %s', context_name, to_char(lower_bound at time zone 'UTC', 'YYYY-MM')),
            'See `esdb partitions list`.');
    end if;
    return next;
end
$function$;

comment on function esdb._partition_step(text, timestamptz, text) is
    'The variables with which a template is rendered for a month of a context. Errors: SE005, SE009.';

revoke all on function esdb._partition_step(text, timestamptz, text) from public;
