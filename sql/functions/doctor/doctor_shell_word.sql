-- A text as one word of a shell's command line, whatever is in it. Locks nothing.
create or replace function esdb_meta.doctor_shell_word(
    text text
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select case
    when doctor_shell_word.text ~ '^[A-Za-z0-9_./:-]+$' then doctor_shell_word.text
    else '''' || replace(doctor_shell_word.text, '''', '''"''"''') || ''''
end
$function$;

comment on function esdb_meta.doctor_shell_word(text) is 'A text as one word of a shell''s command line.';

revoke all on function esdb_meta.doctor_shell_word(text) from public;
grant execute on function esdb_meta.doctor_shell_word(text) to esdb_maintainer;
