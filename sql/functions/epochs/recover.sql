-- Begins a new epoch after a failover, a restore, or a crash that lost commits, before applications append: what the first
-- append would do, and with force also where the store cannot know of it, after pg_restore. Otherwise nothing changes.
-- One row: the newest epoch, is_new: whether this call began it; positions above last_position that were given out before
-- first_position may be lost, and those above resume_after that no event has; highest_event: the position of the last
-- event there is; positions_left: to draw.
--
-- Positions jump for good, whatever becomes of the transaction; the epoch's row and the audit log's come with its commit.
-- Locks: one epoch is begun at a time, until it is begun. Errors: 55000 on a standby.
create or replace function esdb.recover(
    reason text default null,
    force boolean default false
)
returns table (
    epoch bigint,
    is_new boolean,
    began_at timestamptz,
    timeline text,
    last_position bigint,
    first_position bigint,
    resume_after bigint,
    highest_event bigint,
    positions_left bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _is_new constant boolean := recover.force or pg_sequence_last_value('esdb.epoch_start'::regclass) is null;
begin
    if pg_is_in_recovery() then
        raise exception 'a standby begins no epoch'
            using errcode = 'object_not_in_prerequisite_state',
                  detail = 'this server follows another one',
                  hint = 'Promote it first, or call this on the primary.';
    end if;
    if _is_new then
        perform esdb._begin_epoch(recover.force);
    end if;
    perform esdb._note_epoch(recover.reason);
    if _is_new then
        perform esdb._audit('recover', 'epoch', jsonb_build_object(
            'reason', recover.reason,
            'force', recover.force,
            'last_position', pg_sequence_last_value('esdb.epoch_base'::regclass),
            'first_position', pg_sequence_last_value('esdb.epoch_start'::regclass),
            'resume_after', pg_sequence_last_value('esdb.epoch_resume'::regclass)),
            pg_sequence_last_value('esdb.epoch_start'::regclass) - 1 - pg_sequence_last_value('esdb.epoch_base'::regclass));
    end if;
    return query
    select e.number, _is_new, e.began_at, e.timeline, e.last_position, e.first_position, e.resume_after,
        esdb._last_event_position(),
        281474976710655 - coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)
    from esdb.epochs as e
    order by e.number desc
    limit 1;
end
$function$;

comment on function esdb.recover(text, boolean) is
    'Begins a new epoch if the server has recovered since the last append, or with force; the newest epoch, one row. A consumer outside the database whose cursor lies above last_position and below first_position - 1, or above resume_after where no event is, gets SE022 from then on and goes on after resume_after. Call it after a failover or a restore, before applications append; with force after pg_restore. Errors: 55000 on a standby.';

revoke all on function esdb.recover(text, boolean) from public;
