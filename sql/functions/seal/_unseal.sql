-- Takes a seal back: removes it, chains anew the digests of those with a higher number, moves the frontier and notes all
-- of it in the audit log, with each digest that was before. templates/open_partition.sql.j2 takes the barrier away, in
-- the same transaction. A leaf that is closed and not sealed yet has no seal to remove; it is noted all the same.
--
-- Takes esdb._lock_maintenance() until the transaction ends. Errors: SE005; SE009 (no reason; not closed, archived, or not
-- the start of a partition; a later seal was altered, which to chain anew would hide); SE011.
create or replace function esdb._unseal(
    bounded_context text,
    lower_bound timestamptz,
    reason text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _partition text;
    _number bigint;
    _altered bigint;
    _before jsonb;
begin
    if (reason ~ '[^[:space:]]') is not true then
        perform esdb._invalid_argument('reason', 'there is none', 'Say why: the audit log keeps it.');
    end if;
    perform esdb._lock_maintenance();
    select p.partition
    into _partition
    from esdb._unseal_plan(_unseal.bounded_context, _unseal.lower_bound) as p
    where p.lower_bound = _unseal.lower_bound;
    if not found then
        perform esdb._invalid_argument(
            'lower_bound', format('no partition begins at %s', lower_bound), '`esdb partitions list` shows them.');
    end if;
    select s.number
    into _number
    from esdb.seals as s
    where s.bounded_context = _unseal.bounded_context and s.lower_bound = _unseal.lower_bound;

    select min(c.number) filter (where c.digest <> c.stored_digest),
        jsonb_object_agg(c.number, encode(c.stored_digest, 'hex'))
    into _altered, _before
    from esdb_meta.seal_chain() as c
    where c.number >= _number;
    if _altered is not null then
        perform esdb._invalid_argument('lower_bound', format('seal number %s was altered', _altered),
            'To chain it anew would hide that. See `esdb verify --events`.');
    end if;
    delete from esdb.seals as s
    where s.number = _number;
    perform esdb._chain_seals(_number);
    perform esdb._set_frontier();
    perform esdb._audit('unseal', _partition, jsonb_build_object(
        'bounded_context', bounded_context,
        'lower_bound', lower_bound,
        'reason', reason,
        'number', _number,
        'digests_before', coalesce(_before, '{}'),
        'newest_number', newest.number,
        'newest_digest', encode(newest.digest, 'hex')))
    from (select) as anyway
    left join lateral (
        select s.number, s.digest
        from esdb.seals as s
        order by s.number desc
        limit 1
    ) as newest on true;
end
$function$;

comment on function esdb._unseal(text, timestamptz, text) is
    'Takes a seal back and chains anew what follows. Errors: SE005, SE009, SE011.';

revoke all on function esdb._unseal(text, timestamptz, text) from public;
