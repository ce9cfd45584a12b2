-- Refuses a payload, or metadata, whose JSON text is larger than the setting max_payload_bytes: as jsonb one number of
-- ten bytes can stand for 131,072 digits, and what no text can hold could never be read again. place: what DETAIL says
-- before the size. Locks nothing. Errors: SE010.
create or replace function esdb._check_size(
    name text,
    document jsonb,
    place text default ''
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _bytes integer;
    _limit integer;
begin
    begin
        _bytes := octet_length(document::text);
    exception
        when program_limit_exceeded or out_of_memory then
            _bytes := 1 << 30;
    end;
    -- the least that the setting can be
    if _bytes > 2000 then
        _limit := esdb._setting('max_payload_bytes')::integer;
    end if;
    if _bytes > _limit then
        raise exception '% too large: % bytes', name, _bytes
            using errcode = 'SE010',
                  detail = format('%s%s bytes of JSON text; max_payload_bytes is %s', place, _bytes, _limit),
                  hint = 'Keep large documents elsewhere and their reference in the event, or raise the setting.';
    end if;
end
$function$;

comment on function esdb._check_size(text, jsonb, text) is
    'Refuses a payload, or metadata, that is larger than the setting max_payload_bytes. Errors: SE010.';

revoke all on function esdb._check_size(text, jsonb, text) from public;
