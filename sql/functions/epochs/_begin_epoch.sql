-- Begins an epoch, if none was begun since the server recovered; forced: in any case. Positions jump ahead, so that none
-- that was given out and lost is given out again: a little after a crash, far on another timeline and when forced, see
-- _position_after_loss(). A store that never drew a position has lost none, and begins without a jump.
--
-- All of it is in sequences, which keep their values whatever becomes of this transaction: who comes later goes by them.
-- epoch_start is set last; until then the next one begins again, which is only a further jump, because nobody draws
-- a position before an epoch has begun. Forced, wake_clock is set back as if the server had recovered.
-- Locks: one epoch is begun at a time; the lock goes with the inner block, see _raise_sequence().
create or replace function esdb._begin_epoch(
    forced boolean default false
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _drawn bigint;
    _kept bigint;
    _resume bigint;
begin
    perform pg_advisory_xact_lock((29283::bigint << 48) | 'esdb.epoch_start'::regclass::oid::bigint);
    if forced or pg_sequence_last_value('esdb.epoch_start'::regclass) is null then
        if pg_sequence_last_value('esdb.event_position'::regclass) is null and esdb._last_event_position() = 0 then
            perform setval('esdb.epoch_base'::regclass, 0);
            perform setval('esdb.epoch_resume'::regclass, 0);
            perform setval('esdb.epoch_start'::regclass, 1);
        else
            if forced then
                perform setval('esdb.wake_clock'::regclass, 0, false);
            end if;
            _kept := esdb._kept_position(forced);
            _resume := esdb._resume_position(forced);
            perform esdb._pass_over_tokens();
            _drawn := greatest(pg_sequence_last_value('esdb.event_position'::regclass), esdb._last_event_position());
            _drawn := esdb._position_after_loss(_drawn, is_crash => not forced and esdb._has_only_crashed());
            perform setval('esdb.epoch_base'::regclass, _kept);
            perform setval('esdb.epoch_resume'::regclass, _resume);
            perform setval('esdb.event_position'::regclass, _drawn);
            perform setval('esdb.epoch_start'::regclass, _drawn + 1);
        end if;
    end if;
    raise exception 'release the lock' using errcode = 'SE000';
exception
    when sqlstate 'SE000' then
        null;
end
$function$;

comment on function esdb._begin_epoch(boolean) is 'Begins an epoch where the server has recovered since the last append.';

revoke all on function esdb._begin_epoch(boolean) from public;
