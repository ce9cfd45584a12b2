-- Saves an aggregate's state as of a version, in place of an earlier snapshot of this version.
--
-- Locks, until the transaction ends: the snapshot's row, and the stream's row against deletion of the row only, so
-- that appends neither wait for it nor make it wait. It waits for another save of the same version, and for a cleanup
-- that is just removing this very snapshot; for nothing else. Errors: SE002, SE003, SE009, SE014.
create or replace function esdb.save_snapshot(
    aggregate_id text,
    version bigint,
    state jsonb
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
begin
    if save_snapshot.aggregate_id is null then
        perform esdb._invalid_argument('aggregate_id', 'null', 'Pass the stream''s aggregate_id.');
    end if;
    if (save_snapshot.version >= 1) is not true then
        perform esdb._invalid_argument(
            'version', coalesce(save_snapshot.version::text, 'null'), 'Pass the version of the last event in the state.');
    end if;
    if save_snapshot.state is null or save_snapshot.state = 'null' then
        perform esdb._invalid_argument('state', 'null', 'Pass the aggregate''s state as JSON.');
    end if;

    select s.* into _stream from esdb._streams as s where s.aggregate_id = save_snapshot.aggregate_id;
    if _stream.version is null then
        perform esdb._refuse_missing_stream(save_snapshot.aggregate_id);
    end if;
    perform esdb._refuse_deleted_stream(_stream);
    if save_snapshot.version > _stream.version then
        raise exception 'snapshot ahead of its stream: %', save_snapshot.aggregate_id
            using errcode = 'SE014',
                  detail = format('snapshot: version %s; stream: version %s', save_snapshot.version, _stream.version),
                  hint = 'Pass the version of the last event in the state, and save after the append.';
    end if;

    insert into esdb.snapshots as n (aggregate_id, version, state)
    values (save_snapshot.aggregate_id, save_snapshot.version, save_snapshot.state)
    on conflict (aggregate_id, version) do update
    set state = excluded.state, timestamp = excluded.timestamp;
end
$function$;

comment on function esdb.save_snapshot(text, bigint, jsonb) is
    'Saves an aggregate''s state as of a version of its stream; the same version again replaces state and timestamp. Appends neither wait for it nor hold it up. Errors: SE002, SE003, SE009, SE014.';

revoke all on function esdb.save_snapshot(text, bigint, jsonb) from public;
grant execute on function esdb.save_snapshot(text, bigint, jsonb) to esdb_writer;
