-- Whether a text is a ULID, in either case; false for null.
create or replace function esdb._is_ulid(
    id text
)
returns boolean
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(id collate "C" ~ '^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$', false)
$function$;

comment on function esdb._is_ulid(text) is 'Whether a text is a ULID.';

revoke all on function esdb._is_ulid(text) from public;
