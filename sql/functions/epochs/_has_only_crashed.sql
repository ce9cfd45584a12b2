-- Whether the server is still on the timeline on which the newest epoch before a position began: then what it recovered
-- from was a crash, and not a promotion or a restore. A cluster that the store was brought to since, by pg_upgrade or in a
-- dump, counts its timelines from 1 again: so the same timeline of another cluster is another one. Where the cluster
-- is not noted, the first timeline alone is certain, because a server on it was never promoted. Locks nothing.
create or replace function esdb._has_only_crashed(
    before_position bigint default 9223372036854775807
)
returns boolean
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce((
    select r.timeline = esdb._timeline() and (r.timeline = '00000001' or r.cluster = esdb._cluster())
    from esdb.epoch_records as r
    where r.first_position < before_position
    order by r.first_position desc
    limit 1
), false)
$function$;

comment on function esdb._has_only_crashed(bigint) is
    'Whether the server is on the timeline, of the same cluster, on which the newest epoch before a position began.';

revoke all on function esdb._has_only_crashed(bigint) from public;
