-- Where seals contradict each other, the partitions or the frontier: a digest that does not follow from its row and the
-- one before, a seal of no partition, an expected digest (null: none expected) that is not in the chain, and a frontier
-- behind which an unsealed leaf begins or holds events, which readers would pass over.
--
-- Stable, so all of it is one snapshot. Looks up the lowest position of each unsealed leaf, one after the other, each
-- locked in ACCESS SHARE only meanwhile.
create or replace function esdb_meta.seal_faults(
    expected_digest bytea default null
)
returns table (
    kind text,
    name text,
    fault text
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _frontier constant esdb.seal_frontier := (select f from esdb.seal_frontier as f);
    _leaf record;
    _lowest bigint;
begin
    kind := 'seal';
    for name, fault in
        select
            'esdb.' || quote_ident(c.partition),
            format('number %s was altered, or the one before: its digest does not follow from them', c.number)
        from esdb_meta.seal_chain() as c
        where not c.follows
        order by c.number
    loop
        return next;
    end loop;
    for name, fault in
        select
            'esdb.' || quote_ident(esdb._partition_name(c.name, s.lower_bound, s.upper_bound)),
            format('number %s is of a partition from %s to %s, which is neither attached to esdb.events nor archived',
                s.number, s.lower_bound, s.upper_bound)
        from esdb.seals as s
        join esdb.bounded_contexts as c on c.code = s.bounded_context
        where not exists (
                select
                from esdb._leaves as p
                where p.bounded_context = s.bounded_context
                    and p.lower_bound = s.lower_bound
                    and p.upper_bound = s.upper_bound
            )
            and not exists (
                select
                from esdb.archives as a
                where a.bounded_context = s.bounded_context and a.lower_bound = s.lower_bound
            )
        order by s.number
    loop
        return next;
    end loop;

    kind := 'expected digest';
    name := encode(expected_digest, 'hex');
    if not exists (select from esdb_meta.seal_chain() as c where c.digest = expected_digest) then
        fault := 'not in the chain of seals: '
            || coalesce(
                (
                    select format('chained anew when %s was unsealed at %s by %s, says esdb.audit_trail', l.subject, l.at, l.principal)
                    from esdb.audit_log as l
                    cross join lateral jsonb_each_text(l.details -> 'digests_before') as b (number, digest)
                    where l.action = 'unseal' and b.digest = name
                    order by l.number
                    limit 1
                ),
                'what was sealed then was rewritten since, or the digest is of another store');
        if expected_digest is not null then
            return next;
        end if;
    end if;

    kind := 'seal frontier';
    name := 'esdb.seal_frontier';
    if _frontier is null then
        fault := 'its row is missing';
        return next;
        return;
    end if;
    for _leaf in
        select p.leaf, p.partition, p.lower_bound
        from esdb._unsealed_leaves as p
    loop
        if _leaf.lower_bound < _frontier.month then
            fault := format('stands at %s, but %I is not sealed and begins at %s: readers would pass it over',
                _frontier.month, _leaf.partition, _leaf.lower_bound);
            return next;
        end if;
        _lowest := esdb._edge_position(_leaf.leaf, -1);
        if _lowest <= _frontier.position then
            fault := format('stands at position %s, but %I is not sealed and holds position %s: readers would pass it over',
                _frontier.position, _leaf.partition, _lowest);
            return next;
        end if;
    end loop;
end
$function$;

comment on function esdb_meta.seal_faults(bytea) is
    'Where seals contradict each other, the partitions or the frontier, and an expected digest that is not in their chain.';

revoke all on function esdb_meta.seal_faults(bytea) from public;
grant execute on function esdb_meta.seal_faults(bytea) to esdb_maintainer;
