-- Refuses a cursor that this store cannot have given as it is now: it lies beyond the last position drawn, or where an epoch
-- jumped over positions that were given out and lost. A standby may be behind, so a cursor beyond its end says nothing.
--
-- The position of an event that is there is never refused: it may have been kept below a lost one, or over the loss, by a
-- prepared transaction. Nor is the beginning of an epoch.
-- resume_after in the detail: up to there the store is as it was. Holds no lock at its end. Errors: SE022.
create or replace function esdb._check_position(
    cursor_position bigint,
    last_position bigint default coalesce(pg_catalog.pg_sequence_last_value('esdb.event_position'::regclass), 0)
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _lost record;
begin
    if cursor_position > last_position and not pg_is_in_recovery() then
        raise exception 'position unknown: %', cursor_position
            using errcode = 'SE022',
                  detail = jsonb_strip_nulls(jsonb_build_object(
                      'after_position', cursor_position,
                      'last_position', last_position,
                      'resume_after', case
                          when pg_sequence_last_value('esdb.epoch_start'::regclass) is null then esdb._resume_position(forced => false)
                      end)),
                  hint = 'The cursor belongs to another store or to a time before a restore: find out which, then start again from a position that this store knows.';
    end if;
    select r.number, r.last_position, r.first_position, r.resume_after into _lost
    from (
        select l.*, bool_or(l.first_position = cursor_position + 1) over () as is_beginning
        from esdb._lost_ranges() as l
    ) as r
    where r.resume_after < cursor_position
        and cursor_position < r.first_position - 1
        and not r.is_beginning
    order by r.resume_after
    limit 1;
    if found and not exists (
        select
        from esdb._in_each_context(
            'select e.position from esdb.%I as e where e.position = $1::bigint', cursor_position::text) as e (position bigint)
    ) then
        raise exception 'position unknown: %', cursor_position
            using errcode = 'SE022',
                  detail = jsonb_build_object(
                      'after_position', cursor_position,
                      'epoch', _lost.number,
                      'last_position', _lost.last_position,
                      'first_position', _lost.first_position,
                      'resume_after', _lost.resume_after),
                  hint = 'The store lost its newest events when this epoch began, and this consumer may have handled some of them: undo what it handled after resume_after, then go on from there.';
    end if;
end
$function$;

comment on function esdb._check_position(bigint, bigint) is
    'Raises SE022 for a cursor beyond the last position, or among positions that were lost.';

revoke all on function esdb._check_position(bigint, bigint) from public;
