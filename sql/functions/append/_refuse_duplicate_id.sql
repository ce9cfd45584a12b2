-- Raises SE007: an insert found an event with the id in its leaf.
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
    raise exception 'an event with this id exists already'
        using errcode = 'SE007',
              detail = format('ids: %s', left(array_to_string(ids, ', '), 1000)),
              hint = 'Ids are unique in the whole store; leave id out and the store makes one.';
end
$function$;

comment on function esdb._refuse_duplicate_id(text[]) is 'Raises SE007 naming the ids.';

revoke all on function esdb._refuse_duplicate_id(text[]) from public;
