-- The leaf in which a context's events of the month that holds at stand, by name: null where that is a span or an overflow.
-- To read it by its name spares the planner the partition tree. Nobody renames a leaf of a month, and none leaves the tree
-- before the transactions that saw it there have ended (see esdb._feed_window()).
-- One expression without a pinned search_path, so that it is inlined. Locks nothing: a query of pg_class would, until the
-- transaction ends.
create or replace function esdb._leaf_of_month(
    context_table text,
    at timestamptz
)
returns text
language sql
stable
parallel safe
return case
    when pg_catalog.pg_partition_root(pg_catalog.to_regclass(
        'esdb.' || context_table || pg_catalog.to_char(pg_catalog.timezone('UTC', at), '"_y"YYYY"m"MM'))) is not null
    then context_table || pg_catalog.to_char(pg_catalog.timezone('UTC', at), '"_y"YYYY"m"MM')
end;

comment on function esdb._leaf_of_month(text, timestamptz) is
    'The leaf of a month of a context by its name, where it has one of its own.';

revoke all on function esdb._leaf_of_month(text, timestamptz) from public;
