-- Says why a stream did not take an append; comes back without a word when nothing stands against it any more (the
-- stream changed meanwhile), so that the caller tries again. Locks nothing. Errors: SE001 to SE004.
create or replace function esdb._refuse_append(
    aggregate_id text,
    expected_version bigint,
    aggregate_type text,
    bounded_context text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
begin
    select s.*
    into _stream
    from esdb._streams as s
    where s.aggregate_id = _refuse_append.aggregate_id;

    perform esdb._refuse_deleted_stream(_stream);
    if aggregate_type <> _stream.aggregate_type or bounded_context <> _stream.bounded_context then
        raise exception 'not the stream''s own aggregate type and context: %', aggregate_id
            using errcode = 'SE004',
                  detail = format('stream: %s in %s; given: %s in %s',
                      _stream.aggregate_type, _stream.bounded_context,
                      coalesce(aggregate_type, 'any'), coalesce(bounded_context, 'any')),
                  hint = 'aggregate_id alone identifies a stream: prefix natural keys with their type.';
    end if;
    if expected_version = -1 and _stream.version is null then
        raise exception 'no such stream: %', aggregate_id
            using errcode = 'SE003',
                  detail = 'expected_version -1 means an existing stream',
                  hint = 'Pass expected_version 0 or null to start it.';
    end if;
    if expected_version >= 0 and expected_version <> coalesce(_stream.version, 0) then
        raise exception 'version conflict: stream % is at version %, not %',
            aggregate_id, coalesce(_stream.version, 0), expected_version
            using errcode = 'SE001',
                  detail = jsonb_build_object(
                      'aggregate_id', aggregate_id, 'expected', expected_version, 'actual', coalesce(_stream.version, 0)),
                  hint = 'Load the stream again, decide again, and append with its version.';
    end if;
end
$function$;

comment on function esdb._refuse_append(text, bigint, text, text) is
    'Raises the reason why a stream does not take an append. Errors: SE001 to SE004.';

revoke all on function esdb._refuse_append(text, bigint, text, text) from public;
