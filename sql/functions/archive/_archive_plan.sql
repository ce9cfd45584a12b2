-- What has to be done, and in which order, so that the partitions past an age (older_than; null: what each context's
-- `retain` says) are in files and out of the database. What a run left unfinished comes first, whatever its age. A row
-- without an action names a partition that is past the age and not sealed. Reads the catalog, changes and locks nothing.
--
-- None whose end is younger than the setting idempotency_retention: a retry looks for its events there.
-- Actions of one phase belong in one transaction, or in none where it is a single statement. begin_archive,
-- release_archive and finish_archive are functions of that name, write_archive and await_transactions are the command's
-- own work, the others are templates. Errors: SE005, SE009.
create or replace function esdb._archive_plan(
    older_than text default null,
    context text default null,
    keep_table boolean default false
)
returns table (
    partition text,
    bounded_context text,
    context_name text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    event_count bigint,
    state text,
    keeps_table boolean,
    phase integer,
    action text
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _age constant interval := esdb._check_age('older_than', _archive_plan.older_than);
    _retry_age constant interval := esdb._setting('idempotency_retention')::interval;
    _code constant text := case when context is not null then esdb._context_code('bounded', context) end;
    _now constant timestamptz := clock_timestamp();
begin
    return query
    with candidate as (
        select
            a.partition,
            c.code::text as code,
            c.name,
            s.lower_bound,
            s.upper_bound,
            s.event_count,
            a.state,
            a.keeps_table or _archive_plan.keep_table as keeps_table
        from esdb.archives as a
        join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
        join esdb.bounded_contexts as c on c.code = a.bounded_context
        where a.state <> 'archived'
        union all
        select
            p.partition,
            c.code::text,
            c.name,
            p.lower_bound,
            p.upper_bound,
            s.event_count,
            case when s.number is not null then 'sealed' end,
            _archive_plan.keep_table
        from esdb._leaves as p
        join esdb.bounded_contexts as c on c.code = p.bounded_context
        left join esdb.seals as s on s.bounded_context = p.bounded_context and s.lower_bound = p.lower_bound
        where p.upper_bound <= _now - greatest(coalesce(_age, c.retain), _retry_age)
            and coalesce(_age, c.retain) is not null
            and not exists (
                select
                from esdb.archives as a
                where a.bounded_context = p.bounded_context and a.lower_bound = p.lower_bound
            )
    )
    select
        o.partition,
        o.code,
        o.name,
        o.lower_bound,
        o.upper_bound,
        o.event_count,
        o.state,
        o.keeps_table,
        step.phase,
        step.action
    from candidate as o
    left join pg_inherits as tree on tree.inhrelid = to_regclass(format('esdb.%I', o.partition))
    left join lateral (
        values
            (1, 'begin_archive', true),
            (2, 'write_archive', true),
            (3, 'release_archive', o.state <> 'detaching'),
            (4, 'await_transactions', tree.inhrelid is not null),
            (5, 'detach_partition', not tree.inhdetachpending),
            (5, 'finalize_detach', tree.inhdetachpending),
            (6, 'drop_partition', not o.keeps_table),
            (6, 'finish_archive', true)
    ) as step (phase, action, is_due) on o.state is not null and step.is_due
    where coalesce(o.code = _code, true)
    order by o.state = 'sealed', o.lower_bound, o.name, step.phase, step.action;
end
$function$;

comment on function esdb._archive_plan(text, text, boolean) is
    'What is left to do to archive the partitions past an age (default: each context''s retain), in order, unfinished ones first; action null: it is not sealed. Errors: SE005, SE009.';

revoke all on function esdb._archive_plan(text, text, boolean) from public;
