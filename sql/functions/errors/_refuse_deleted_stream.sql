-- Raises SE002 where a stream's row says that it is deleted. Locks nothing.
create or replace function esdb._refuse_deleted_stream(
    stream esdb.streams
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if stream.deleted_at is not null then
        raise exception 'stream is deleted: %', stream.aggregate_id
            using errcode = 'SE002',
                  detail = format('deleted at %s, version %s', stream.deleted_at, stream.version),
                  hint = 'esdb.restore_stream() brings it back.';
    end if;
end
$function$;

comment on function esdb._refuse_deleted_stream(esdb.streams) is 'Raises SE002 for the row of a deleted stream.';

revoke all on function esdb._refuse_deleted_stream(esdb.streams) from public;
