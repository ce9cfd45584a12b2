-- The chain of digests as it follows from the rows of esdb.seals: SHA-256(digest before || line, in UTF-8), see
-- esdb._seal_line(). stored_digest is what the row says; follows: it is that of the row and the stored digest before, so
-- the altered one of a chain can be told from those behind it. Locks nothing.
create or replace function esdb_meta.seal_chain()
returns table (
    number bigint,
    partition text,
    digest bytea,
    stored_digest bytea,
    follows boolean
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _line bytea;
    _stored_before bytea := '';
begin
    digest := '';
    for number, partition, stored_digest in
        select s.number, esdb._partition_name(c.name, s.lower_bound, s.upper_bound), s.digest
        from esdb.seals as s
        join esdb.bounded_contexts as c on c.code = s.bounded_context
        order by s.number
    loop
        _line := convert_to(esdb._seal_line(number), 'UTF8');
        digest := sha256(digest || _line);
        follows := stored_digest = sha256(_stored_before || _line);
        _stored_before := stored_digest;
        return next;
    end loop;
end
$function$;

comment on function esdb_meta.seal_chain() is
    'Each seal''s place in the chain of digests: the digest as it follows from the seals, as it is stored, and whether that follows from the one stored before.';

revoke all on function esdb_meta.seal_chain() from public;
grant execute on function esdb_meta.seal_chain() to esdb_maintainer;
