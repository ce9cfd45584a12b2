-- Puts the mark into the write-ahead log, for standbys: every event up to it is committed, with its commit before this in
-- the log. So a standby that has come to the value has come to the events. It never steps back.
--
-- Not while the newest epoch may still be rolled back: it would say that positions of the epoch are there for good.
-- clock: see _find_mark(). Setting a logged sequence takes a transaction id and a flush with the commit, so readers do not do it.
create or replace function esdb._publish_mark(
    clock regclass default 'esdb.publish_clock'::regclass
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _published constant bigint := coalesce(pg_sequence_last_value('esdb.durable_mark'::regclass), 0);
    _mark bigint;
begin
    if pg_sequence_last_value('esdb.wake_clock'::regclass) is null
        and pg_sequence_last_value('esdb.epoch_start'::regclass) is not null
    then
        return _published;
    end if;
    _mark := esdb._find_mark(clock);
    if _mark > _published then
        perform esdb._raise_sequence('esdb.durable_mark'::regclass, _mark);
    end if;
    perform esdb._record_dumped_mark(_mark);
    return greatest(_mark, _published);
end
$function$;

comment on function esdb._publish_mark(regclass) is 'Puts the high-water mark into the write-ahead log, for standbys; returns it.';

revoke all on function esdb._publish_mark(regclass) from public;
