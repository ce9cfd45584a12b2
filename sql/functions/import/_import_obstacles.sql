-- The partitions that have to be made (action create_month) or unsealed (action unseal) before the staged batch can be
-- written, as variables of the templates. Looks at what is probably new: without locks, so what writes the batch may
-- still meet another. Locks nothing. Errors: SE013.
create or replace function esdb._import_obstacles()
returns table (
    action text,
    bounded_context text,
    context_name text,
    partition text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    optional_indexes jsonb
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_variable
declare
    _month record;
    _archived timestamptz;
    _months constant jsonb := (
        select jsonb_agg(m)
        from (
            select distinct d.code, esdb._utc_month(d.day) as month
            from (
                select distinct e.bounded_context as code, e.timestamp::date as day
                from pg_temp.esdb_import_steps as e
            ) as d
        ) as m
    );
    -- an event locks its leaf and the indexes on it, until its transaction ends; 7 where the leaf was sealed once, else 5
    _locks constant bigint := jsonb_array_length(_months) * (
        7 + (select count(*) from jsonb_array_elements(esdb._leaf_indexes()) as i where (i ->> 'wanted')::boolean)
    );
    _locks_each constant integer := current_setting('max_locks_per_transaction')::integer;
    _places constant integer :=
        current_setting('max_connections')::integer + current_setting('max_prepared_transactions')::integer;
begin
    if 4 * _locks > 3 * _locks_each * _places then
        raise exception 'the events of one batch lie in too many partitions for the server''s lock table'
            using errcode = 'configuration_limit_exceeded',
                  detail = format('to write them takes %s locks; max_locks_per_transaction = %s gives all sessions room for some %s',
                      _locks, _locks_each, _locks_each * _places),
                  hint = format('Set max_locks_per_transaction = %s and restart the server, or import files of fewer months, the oldest first.',
                      ceil(4.0 * _locks / (3 * _places)));
    end if;
    for _month in
        select c.code::text as code, c.name, m.month
        from jsonb_to_recordset(_months) as m (code text, month timestamptz)
        join esdb.bounded_contexts as c on c.code = m.code
        order by c.name, m.month
    loop
        bounded_context := _month.code;
        context_name := _month.name;
        select p.partition, p.lower_bound, p.upper_bound
        into partition, lower_bound, upper_bound
        from esdb._leaves as p
        where p.bounded_context = _month.code
            and p.lower_bound <= _month.month
            and coalesce(p.upper_bound > _month.month, true);
        action := case
            when partition is null then 'create_month'
            -- sealed, or being sealed
            when exists (
                select from pg_trigger as t
                where t.tgrelid = to_regclass(format('esdb.%I', partition)) and t.tgname = 'events_are_sealed'
            ) then 'unseal'
        end;
        -- also one without events: its place in the tree is taken
        _archived := (
            select s.lower_bound
            from esdb.archives as a
            join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
            where s.bounded_context = _month.code and s.lower_bound <= _month.month and s.upper_bound > _month.month
        );
        continue when action is null and _archived is null;
        continue when not exists (
            select
            from pg_temp.esdb_import_steps as e
            left join esdb._streams as s on s.aggregate_id = e.aggregate_id
            where e.bounded_context = _month.code
                and esdb._utc_month(e.timestamp) = _month.month
                and e.version > coalesce(s.version, 0)
        );
        if _archived is not null then
            perform esdb._refuse_archived(_month.code, _archived, 'import the rest without its months');
        end if;
        continue when action is null;
        if action = 'create_month' then
            lower_bound := _month.month;
            upper_bound := esdb._utc_month(_month.month, 1);
            partition := esdb._partition_name(_month.name, lower_bound, upper_bound);
            optional_indexes := esdb._leaf_indexes();
        end if;
        return next;
    end loop;
end
$function$;

comment on function esdb._import_obstacles() is
    'The partitions to make or to unseal before the staged batch of an import can be written. Errors: SE013.';

revoke all on function esdb._import_obstacles() from public;
