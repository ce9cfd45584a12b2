-- The indexes that every leaf of esdb.events, or esdb.streams, must have: those of templates/_leaf.sql.j2 (comes_with_seal:
-- a sealed leaf), and the optional ones that are wanted. consequence: what it means where one is missing; mended_by: what
-- makes it, in order, for format() with the index's name and the table's. Locks nothing.
create or replace function esdb._wanted_indexes()
returns table (
    suffix text,
    stands_on_leaves boolean,
    definition text,
    is_unique boolean,
    origin text,
    consequence text,
    mended_by text[],
    comes_with_seal boolean
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set quote_all_identifiers = off
as $function$
select
    d.suffix,
    true,
    format('%s (%s)', d.method, list.columns),
    d.is_unique,
    case when d.is_unique then 'key' else 'esdb' end,
    case
        when d.is_unique then 'nothing keeps what is to be unique from being there twice'
        else 'reads that go by it are slow'
    end,
    case
        when d.is_unique then array[
            format('create unique index concurrently %%1$I on %%2$s (%s)', list.columns),
            format('alter table %%2$s add constraint %%1$I %s using index %%1$I',
                case when d.is_primary then 'primary key' else 'unique' end)]
        else array[format('create index concurrently %%1$I on %%2$s using %s (%s)', d.method, list.columns)]
    end,
    d.comes_with_seal
from esdb_meta._leaf_index_definitions() as d
cross join lateral (
    select string_agg(quote_ident(c.name), ', ' order by c.place) as columns
    from unnest(d.columns) with ordinality as c (name, place)
) as list
union all
select
    o.suffix,
    o.stands_on_leaves,
    format('btree (%s)%s', o.keys, ' WHERE ' || o.predicate),
    false,
    'optional',
    'it is wanted, and reads that go by it are slow',
    array[format('esdb indexes enable %s', o.name)],
    false
from esdb._optional_index_definitions() as o
join esdb.optional_indexes as chosen on chosen.name = o.name and chosen.wanted
$function$;

comment on function esdb._wanted_indexes() is 'The indexes that leaves and streams must have, for the view index_health.';

revoke all on function esdb._wanted_indexes() from public;
