-- What an optional index consists of: indexes named <table>_<suffix>, on every leaf of esdb.events or on esdb.streams.
-- keys and predicate stand as the server writes them out itself, so that an index can be compared with them. A suffix
-- has at most 11 characters, or a leaf's longest name would not fit.
--
-- An id of a caller may be longer than an index row can be, and an index must never make an append fail: so 255
-- characters of it are indexed, and the readers compare the whole id too. With position behind it, a page of a long chain
-- is a range of the index.
create or replace function esdb._optional_index_definitions()
returns table (
    name text,
    suffix text,
    stands_on_leaves boolean,
    keys text,
    predicate text
)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
values
    (
        'correlation', 'correlated', true,
        '"left"((metadata ->> ''correlation_id''::text), 255) COLLATE "C", "position"',
        '((metadata ->> ''correlation_id''::text) IS NOT NULL)'
    ),
    (
        'correlation', 'caused_by', true,
        '"left"((metadata ->> ''causation_id''::text), 255) COLLATE "C", "position"',
        '((metadata ->> ''causation_id''::text) IS NOT NULL)'
    ),
    ('streams', 'type', false, 'aggregate_type, aggregate_id', null),
    ('streams', 'context', false, 'bounded_context, aggregate_id', null)
$function$;

comment on function esdb._optional_index_definitions() is
    'The indexes of which each optional index consists: where they stand, their keys and predicates.';

revoke all on function esdb._optional_index_definitions() from public;
