-- One batch of cleanup_old_snapshots(): removes what is too old and too many among the next batch_size snapshots, and
-- says how far it got: pass what it returned on to the next call. aggregate_id null: begin, or finished.
--
-- Walks the primary key downwards, so that each row's rank in its aggregate is a count of the rows above it, and of those
-- that stay only the key is read. Of the aggregate that the place divides, the rows above are counted, up to keep: a
-- place that nobody was given cannot make the newest look like another one. keep is at least 1, so the newest stays.
--
-- Waits for nobody: a snapshot that is being saved anew just then, or removed by another cleanup, is left to them.
-- Notes what it removed in the audit log. Locks: what it removes, until the transaction ends. Null arguments mean the settings snapshots_kept and
-- snapshot_retention. Errors: SE009.
create or replace function esdb._cleanup_snapshots(
    keep integer default null,
    older_than interval default null,
    inout aggregate_id text default null,
    inout version bigint default null,
    batch_size integer default 5000,
    out removed bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
-- planned with the batch's start at hand: it is the bound of an index scan, or none
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
declare
    _keep integer := coalesce(keep, esdb._setting('snapshots_kept')::integer);
    _older_than interval := coalesce(older_than, esdb._setting('snapshot_retention')::interval);
    _until timestamptz;
    _above bigint;
begin
    if _keep < 1 then
        perform esdb._invalid_argument('keep', _keep::text, 'Pass how many to keep of each aggregate, at least 1.');
    end if;
    if _older_than < interval '0' then
        perform esdb._invalid_argument('older_than', _older_than::text, 'Pass an age, or 0 to go by number alone.');
    end if;
    if (batch_size >= 1) is not true then
        perform esdb._invalid_argument('batch_size', coalesce(batch_size::text, 'null'), 'Pass a number from 1 on.');
    end if;
    -- as far back as there could be any
    _until := clock_timestamp() - least(_older_than, interval '1000 years');

    select count(*)
    into _above
    from (
        select
        from esdb.snapshots as n
        where n.aggregate_id = _cleanup_snapshots.aggregate_id and n.version >= _cleanup_snapshots.version
        limit _keep
    ) as kept;

    with page as materialized (
        select n.aggregate_id, n.version
        from esdb.snapshots as n
        where _cleanup_snapshots.aggregate_id is null
            or (n.aggregate_id, n.version) < (_cleanup_snapshots.aggregate_id, _cleanup_snapshots.version)
        order by n.aggregate_id desc, n.version desc
        limit _cleanup_snapshots.batch_size
    ),
    ranked as materialized (
        select
            p.aggregate_id,
            p.version,
            row_number() over (partition by p.aggregate_id order by p.version desc)
                + case when p.aggregate_id = _cleanup_snapshots.aggregate_id then _above else 0 end as rank
        from page as p
    ),
    gone as (
        delete from esdb.snapshots as d
        where d.ctid = any (array(
            select n.ctid
            from esdb.snapshots as n
            join ranked as r on r.aggregate_id = n.aggregate_id and r.version = n.version
            where r.rank > _keep and n.timestamp < _until
            for update of n skip locked
        ))
        returning d.version
    ),
    reached as (
        select r.aggregate_id, r.version
        from ranked as r
        where (select count(*) from page) = _cleanup_snapshots.batch_size
        order by r.aggregate_id, r.version
        limit 1
    )
    select r.aggregate_id, r.version, g.removed
    into aggregate_id, version, removed
    from (select count(*) as removed from gone) as g
    left join reached as r on true;

    if removed > 0 then
        perform esdb._audit(
            'clean up', 'snapshots', jsonb_build_object('keep', _keep, 'older_than', _older_than), removed);
    end if;
end
$function$;

comment on function esdb._cleanup_snapshots(integer, interval, text, bigint, integer) is
    'One batch of cleanup_old_snapshots(), from a place on: how many it removed and where it got to (null: the end). Errors: SE009.';

revoke all on function esdb._cleanup_snapshots(integer, interval, text, bigint, integer) from public;
-- `esdb snapshots cleanup` commits after each batch
grant execute on function esdb._cleanup_snapshots(integer, interval, text, bigint, integer) to esdb_maintainer;
