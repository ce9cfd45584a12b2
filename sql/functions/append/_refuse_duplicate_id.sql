-- Says why an insert of events met one that is there already: SE007 where an id is known. Where none is, the store has
-- given out a position or a version twice, as after a failover that lost events. The events up to `version` are those
-- that the stream had before the call. Reads all leaves; locks nothing more.
-- Errors: SE007, 55000.
create or replace function esdb._refuse_duplicate_id(
    aggregate_id text,
    version bigint,
    ids text[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _known record;
begin
    select e.id, e.aggregate_id, e.version
    into _known
    from esdb._in_each_context(
        'select e.id, e.aggregate_id, e.version::bigint from esdb.%I as e where e.id = any ($1::text[])', ids::text
    ) as e (id text, aggregate_id text, version bigint)
    where e.aggregate_id <> _refuse_duplicate_id.aggregate_id or e.version <= _refuse_duplicate_id.version
    order by e.aggregate_id <> _refuse_duplicate_id.aggregate_id
    limit 1;
    if _known.aggregate_id = _refuse_duplicate_id.aggregate_id then
        raise exception 'an event with this id exists already'
            using errcode = 'SE007',
                  detail = format('id %s is version %s of this stream, %s', _known.id, _known.version, _known.aggregate_id),
                  hint = 'A repetition passes the expected_version of the first call, or none. A new event needs an id of its own.';
    elsif _known.id is not null then
        raise exception 'an event with this id exists already'
            using errcode = 'SE007',
                  detail = format('id %s is version %s of stream %s; given again for stream %s',
                      _known.id, _known.version, _known.aggregate_id, _refuse_duplicate_id.aggregate_id),
                  hint = 'Ids are unique in the whole store; leave id out and the store makes one.';
    elsif cardinality(ids) > (select count(distinct i.id) from unnest(ids) as i (id)) then
        raise exception 'two events of a call have the same id'
            using errcode = 'SE007',
                  detail = format('stream %s, ids: %s', _refuse_duplicate_id.aggregate_id, left(array_to_string(ids, ', '), 1000)),
                  hint = 'Ids are unique in the whole store; leave id out and the store makes one.';
    end if;
    raise exception 'the store gave out a position or a version a second time'
        using errcode = 'object_not_in_prerequisite_state',
              detail = format('the sequence esdb.event_position stands at %s',
                  pg_sequence_last_value('esdb.event_position'::regclass)),
              hint = 'Nothing was written. `esdb verify` names what is wrong.';
end
$function$;

comment on function esdb._refuse_duplicate_id(text, bigint, text[]) is
    'Raises SE007 naming the event that has the id, else 55000: a position or version was given out twice.';

revoke all on function esdb._refuse_duplicate_id(text, bigint, text[]) from public;
