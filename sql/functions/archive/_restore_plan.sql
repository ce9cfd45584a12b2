-- What has to be done, and in which order, so that an archived partition is back, by the archive's manifest. Refuses one
-- that says anything else than the partition's seal does; not so its seal_digest, which changes when an older partition
-- is sealed anew. Reads the catalog, changes and locks nothing.
--
-- A table that was kept is proven and attached. One that a killed run left is dropped, and everything done anew.
-- Nothing has to be done where the partition is attached and still has the very seal of the manifest.
-- begin_restore is a function of that name, load_events and prove_partition are the command's own work, the others
-- are templates. Actions of one phase belong in one transaction. Errors: SE009, 55000 (not archived, or not yet).
create or replace function esdb._restore_plan(
    manifest jsonb
)
returns table (
    partition text,
    bounded_context text,
    context_name text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    event_count bigint,
    events_digest bytea,
    phase integer,
    action text,
    bound_constraints text[],
    optional_indexes jsonb
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _archive esdb.archives;
    _table oid;
    _lies text;
begin
    select a.* into _archive from esdb.archives as a where a.partition = manifest ->> 'partition';
    if _archive.state is null and exists (
        select
        from esdb._leaves as l
        cross join lateral (select esdb._archive_facts(l.bounded_context, l.lower_bound) - 'seal_digest' as facts) as s
        where l.partition = manifest ->> 'partition' and manifest - array['file', 'seal_digest'] = s.facts
    ) then
        return;
    end if;
    if _archive.state is distinct from 'archived' then
        raise exception '% is not archived in this store', coalesce(manifest ->> 'partition', 'null')
            using errcode = '55000',
                  detail = case
                      when _archive.state is null then 'no archived partition has this name'
                      else 'it is being archived, and its table is still there'
                  end,
                  hint = case
                      when _archive.state is null then 'See `esdb partitions list`.'
                      else 'Let `esdb partitions archive` complete it first.'
                  end;
    end if;

    select string_agg(
        format('%s is %s, by the seal %s', facts.key, coalesce(manifest ->> facts.key, 'null'), facts.value),
        '; ' order by facts.key)
    into _lies
    from jsonb_each(esdb._archive_facts(_archive.bounded_context, _archive.lower_bound)) as facts
    where facts.key <> 'seal_digest' and facts.value is distinct from manifest -> facts.key;
    if _lies is not null then
        perform esdb._invalid_argument(
            'manifest', left(_lies, 1000), 'It is not the manifest of this store''s archive of the partition. Nothing was changed.');
    end if;

    _table := to_regclass(format('esdb.%I', _archive.partition));
    return query
    select
        _archive.partition,
        _archive.bounded_context::text,
        c.name,
        s.lower_bound,
        s.upper_bound,
        s.event_count,
        s.events_digest,
        step.phase,
        step.action,
        array(
            select k.conname::text
            from pg_constraint as k
            where k.conrelid = _table and k.contype = 'c'
            order by k.conname
        ),
        esdb._leaf_indexes()
    from esdb.seals as s
    join esdb.bounded_contexts as c on c.code = s.bounded_context
    cross join (
        values
            (1, 1, 'drop_partition', _table is not null and not _archive.keeps_table),
            (2, 1, 'begin_restore', _table is null or not _archive.keeps_table),
            (2, 2, 'create_restored', _table is null or not _archive.keeps_table),
            (3, 1, 'load_events', _table is null or not _archive.keeps_table),
            (4, 1, 'complete_restored', _table is null or not _archive.keeps_table),
            (5, 1, 'prove_partition', true),
            (6, 1, 'vacuum_partition', true),
            (7, 1, 'attach_restored', true),
            (7, 2, 'finish_restore', true)
    ) as step (phase, place, action, is_due)
    where s.bounded_context = _archive.bounded_context
        and s.lower_bound = _archive.lower_bound
        and step.is_due
    order by step.phase, step.place;
end
$function$;

comment on function esdb._restore_plan(jsonb) is
    'What has to be done to put the partition of an archive''s manifest back, in order. Errors: SE009 for a manifest that is not the seal''s, 55000 for what is not archived.';

revoke all on function esdb._restore_plan(jsonb) from public;
