-- The contexts (of those wanted; null: of all) whose leaf of a month may hold events: all but those whose leaf has never
-- been written to. The size of an empty leaf proves that no event was committed to it before the question was asked; a
-- leaf that is not found under its month's name (an overflow, a span) counts as written to. Names are looked up for that
-- alone, and the size comes first, because most leaves that are asked about have one.
--
-- One query without a pinned search_path, so that it is inlined. Locks nothing beyond its own statement.
create or replace function esdb._written_contexts(
    month timestamptz,
    bounded_contexts text[]
)
returns table (
    code text,
    name text
)
language sql
stable
parallel safe
begin atomic
select c.code::text, c.name
from esdb.bounded_contexts as c
cross join lateral (
    select 'esdb.events_' || c.name || pg_catalog.to_char(pg_catalog.timezone('UTC', _written_contexts.month), '"_y"YYYY"m"MM') as name
) as leaf
where coalesce(c.code = any (_written_contexts.bounded_contexts), true)
    and (
        pg_catalog.pg_relation_size(pg_catalog.to_regclass(leaf.name)) = 0
        and (select r.relispartition from pg_catalog.pg_class as r where r.oid = pg_catalog.to_regclass(leaf.name))
    ) is not true;
end;

comment on function esdb._written_contexts(timestamptz, text[]) is
    'The contexts, of some or all, whose leaf of a month may hold events.';

revoke all on function esdb._written_contexts(timestamptz, text[]) from public;
