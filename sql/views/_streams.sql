-- The streams as they stand: rows of esdb.streams, those of detached heads completed. A page of them by aggregate_id, or one,
-- costs no more than the rows themselves, because only for a row without a version esdb.detached_heads is looked into.
create or replace view esdb._streams as
select
    s.aggregate_id,
    s.aggregate_type,
    s.bounded_context,
    s.group_context,
    coalesce(s.version, h.version) as version,
    coalesce(h.month_version, s.month_version) as month_version,
    s.created_at,
    coalesce(h.updated_at, s.updated_at) as updated_at,
    s.deleted_at
from esdb.streams as s
left join lateral (
    select d.version, d.month_version, d.updated_at
    from esdb._detached_head(s.aggregate_id) as d
    where s.version is null
) as h on true;

comment on view esdb._streams is
    'The streams with the version, month_version and updated_at of their newest event, wherever these are kept. For the store''s functions.';

revoke all on esdb._streams from public;
