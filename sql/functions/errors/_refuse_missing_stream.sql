-- Raises SE003 for a stream that would have to exist.
create or replace function esdb._refuse_missing_stream(
    aggregate_id text
)
returns void
language plpgsql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'no such stream: %', aggregate_id
        using errcode = 'SE003',
              detail = format('no event was ever appended to %s', aggregate_id),
              hint = 'Check the aggregate_id; a stream begins with its first append.';
end
$function$;

comment on function esdb._refuse_missing_stream(text) is 'Raises SE003 for a stream that does not exist.';

revoke all on function esdb._refuse_missing_stream(text) from public;
