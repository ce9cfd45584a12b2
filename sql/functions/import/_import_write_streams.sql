-- Writes the streams that begin in the staged batch, and tells readers of a month that is newer than any before: both
-- come before the events. Streams that go on have their rows moved by _import_continue().
-- Locks the rows until the transaction ends. Errors: 40001 for a stream that somebody made just now.
create or replace function esdb._import_write_streams()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _new bigint;
    _newest timestamptz;
    _made bigint;
begin
    select count(*) filter (where h.version_before = 0), max(h.updated_at) into _new, _newest
    from pg_temp.esdb_import_heads as h;
    insert into esdb.streams
        (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at,
         deleted_at)
    select h.aggregate_id, h.aggregate_type, h.bounded_context, h.group_context, h.version, coalesce(h.month_version, 1),
        h.created_at, h.updated_at, h.deleted_at
    from pg_temp.esdb_import_heads as h
    where h.version_before = 0
    order by h.aggregate_id
    on conflict do nothing;
    get diagnostics _made = row_count;
    if _made <> _new then
        raise exception 'a stream of the import was made by somebody else just now'
            using errcode = 'serialization_failure',
                  detail = format('%s of %s new streams exist', _new - _made, _new),
                  hint = 'Try again.';
    end if;
    if _newest >= esdb._newest_month_end() then
        perform esdb._raise_newest_month(_newest);
    end if;
end
$function$;

comment on function esdb._import_write_streams() is
    'Writes the streams that begin in the staged batch of an import. Errors: 40001.';

revoke all on function esdb._import_write_streams() from public;
