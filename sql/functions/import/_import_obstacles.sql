-- The partitions that have to be made (action create_month) or unsealed (action unseal) before the staged batch can be
-- written, as variables of the templates. Looks at what is probably new: without locks, so _import_batch() may still
-- meet another. Locks nothing. Errors: SE013.
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
as $function$
#variable_conflict use_variable
declare
    _month record;
    -- an event locks its leaf and the indexes on it, until its transaction ends
    _locks bigint := (
        select count(*) * (
            7 + (select count(*) from jsonb_array_elements(esdb._leaf_indexes()) as i where (i ->> 'wanted')::boolean)
        )
        from (
            select distinct e.bounded_context, esdb._utc_month(e.timestamp)
            from pg_temp.esdb_import_events as e
        ) as m
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
        from (
            select distinct e.bounded_context, esdb._utc_month(e.timestamp) as month
            from pg_temp.esdb_import_events as e
            left join esdb.streams as s on s.aggregate_id = e.aggregate_id
            where e.version > coalesce(s.version, 0)
        ) as m
        join esdb.bounded_contexts as c on c.code = m.bounded_context
        order by c.name, m.month
    loop
        bounded_context := _month.code;
        context_name := _month.name;
        -- also one without events: its place in the tree is taken
        perform esdb._refuse_archived(s.bounded_context::text, s.lower_bound, 'import the rest without its months')
        from esdb.archives as a
        join esdb.seals as s on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
        where s.bounded_context = _month.code and s.lower_bound <= _month.month and s.upper_bound > _month.month;
        select p.partition, p.lower_bound, p.upper_bound
        into partition, lower_bound, upper_bound
        from esdb._leaves as p
        where p.bounded_context = _month.code
            and p.lower_bound <= _month.month
            and coalesce(p.upper_bound > _month.month, true);
        if partition is null then
            action := 'create_month';
            lower_bound := _month.month;
            upper_bound := esdb._utc_month(_month.month, 1);
            partition := esdb._partition_name(_month.name, lower_bound, upper_bound);
            optional_indexes := esdb._leaf_indexes();
            return next;
        elsif exists (
            -- sealed, or being sealed
            select from pg_trigger as t
            where t.tgrelid = to_regclass(format('esdb.%I', partition)) and t.tgname = 'events_are_sealed'
        ) then
            action := 'unseal';
            return next;
        end if;
    end loop;
end
$function$;

comment on function esdb._import_obstacles() is
    'The partitions to make or to unseal before the staged batch of an import can be written. Errors: SE013.';

revoke all on function esdb._import_obstacles() from public;
