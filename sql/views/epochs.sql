-- The store's epochs: the stretches of its order between losses.
create or replace view esdb.epochs as
select
    pg_catalog.row_number() over (order by r.first_position) as number,
    r.began_at,
    r.timeline,
    r.last_position,
    r.first_position,
    r.reason,
    r.principal,
    r.resume_after
from (
    select distinct on (e.first_position) e.*
    from esdb.epoch_records as e
    order by e.first_position, e.began_at
) as r;

comment on view esdb.epochs is
    'The store''s epochs. A new one begins with the first append after a crash, a promotion or a restore, and by esdb.recover(). last_position: the last one kept of the epoch before; its own positions begin with first_position; what was given out in between may be lost, and so may what lies above resume_after where no event is; a consumer whose cursor lies there gets SE022 and goes on after resume_after. number 1: the store was made.';

revoke all on esdb.epochs from public;
grant select on esdb.epochs to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
