-- Says why an insert of events met one that is there already: SE007 where an id is known. Where none is, the store has
-- given out a position or a version twice, as after a failover that lost events. Reads all leaves; locks nothing more.
-- Errors: SE007, 55000.
create or replace function esdb._refuse_duplicate_id(
    ids text[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (select from esdb.events as e where e.id = any (ids)) then
        raise exception 'an event with this id exists already'
            using errcode = 'SE007',
                  detail = format('ids: %s', left(array_to_string(ids, ', '), 1000)),
                  hint = 'Ids are unique in the whole store; leave id out and the store makes one.';
    end if;
    raise exception 'the store gave out a position or a version a second time'
        using errcode = 'object_not_in_prerequisite_state',
              detail = format('the sequence esdb.event_position stands at %s',
                  pg_sequence_last_value('esdb.event_position'::regclass)),
              hint = 'Nothing was written. `esdb verify` names what is wrong.';
end
$function$;

comment on function esdb._refuse_duplicate_id(text[]) is
    'Raises SE007 naming the call''s ids, else 55000: a position or version was given out twice.';

revoke all on function esdb._refuse_duplicate_id(text[]) from public;
