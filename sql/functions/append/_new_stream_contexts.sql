-- Where a new stream belongs: what the caller says, else what esdb.aggregate_types says of its type; a stream without
-- a type has the name of its bounded context. All null when the stream exists: then nothing needs to be known here.
-- Locks nothing. Errors: SE005.
create or replace function esdb._new_stream_contexts(
    aggregate_id text,
    inout aggregate_type text,
    inout bounded_context text,
    inout group_context text
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _type_context text;
    _type_group text;
    _context_name text;
begin
    if exists (select from esdb.streams as s where s.aggregate_id = _new_stream_contexts.aggregate_id) then
        aggregate_type := null;
        bounded_context := null;
        group_context := null;
        return;
    end if;

    select t.bounded_context, t.group_context
    into _type_context, _type_group
    from esdb.aggregate_types as t
    where t.aggregate_type = _new_stream_contexts.aggregate_type;
    bounded_context := coalesce(bounded_context, _type_context);
    if bounded_context is null then
        raise exception 'no bounded context for a new stream'
            using errcode = 'SE005',
                  detail = coalesce(
                      'aggregate_type ' || aggregate_type || ' is not in esdb.aggregate_types',
                      'neither bounded_context nor aggregate_type was given'),
                  hint = 'Pass bounded_context, or register the aggregate type.';
    end if;

    select c.name
    into _context_name
    from esdb.bounded_contexts as c
    where c.code = _new_stream_contexts.bounded_context;
    if _context_name is null then
        perform esdb._unknown_context(
            'bounded', bounded_context, array(select c.code::text from esdb.bounded_contexts as c order by c.code));
    end if;
    aggregate_type := coalesce(aggregate_type, _context_name);

    group_context := coalesce(group_context, _type_group);
    if group_context is null then
        raise exception 'no group context for a new stream'
            using errcode = 'SE005',
                  detail = format('aggregate_type %s is not in esdb.aggregate_types', aggregate_type),
                  hint = 'Pass group_context, or register the aggregate type.';
    end if;
    perform esdb._known_group(group_context);
end
$function$;

comment on function esdb._new_stream_contexts(text, text, text, text) is
    'Completes a new stream''s aggregate_type, bounded_context and group_context. Errors: SE005.';

revoke all on function esdb._new_stream_contexts(text, text, text, text) from public;
