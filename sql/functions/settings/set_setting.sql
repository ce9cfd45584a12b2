-- Changes a setting, or with null sets it back to its default, and returns the value in force: every function reads its
-- settings anew at each call, so the change holds from its commit on. The value is stored as the server writes it
-- (P14D as 14 days), so that it means the same to every session. A number without its unit, which PostgreSQL would take
-- for seconds, is refused; but 0 is 0 in any. Locks the setting's row until the transaction ends;
-- readers don't wait for it. A change is in the audit log. Errors: SE009.
create or replace function esdb.set_setting(
    name text,
    value text default null
)
returns text
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set intervalstyle = postgres
as $function$
#variable_conflict use_column
declare
    _before esdb.settings;
    _setting esdb.settings;
    _bare constant text := esdb._bare_number(set_setting.value);
begin
    select s.* into _before from esdb.settings as s where s.name = set_setting.name for no key update;
    if _before.name is null then
        perform esdb._invalid_argument(
            'name',
            format('%s is none of %s', coalesce(quote_literal(set_setting.name), 'null'),
                (select string_agg(s.name, ', ' order by s.name) from esdb.settings as s)),
            'esdb.list_settings() tells what each one means.');
    end if;

    if _before.value_type = 'interval' and _bare is not null then
        perform esdb._invalid_argument(
            'value',
            format('%s has a number without a unit', quote_literal(set_setting.value)),
            format('Give each number its unit: write %s days, for example.', _bare));
    end if;

    begin
        update esdb.settings as s
        set value = case
            when s.value_type = 'interval' then set_setting.value::interval::text
            when set_setting.value ~ '^[0-9]{1,9}$' then set_setting.value::integer::text
            else set_setting.value
        end
        where s.name = set_setting.name
        returning s.* into _setting;
    exception
        when check_violation or data_exception then
            perform esdb._invalid_argument(
                'value',
                format('%s is no %s from %s to %s', quote_literal(set_setting.value), _before.value_type,
                    _before.minimum, _before.maximum),
                format('Pass what %s takes. Its default is %s: esdb.set_setting(''%s'') in SQL, `esdb settings reset %s` in a shell.',
                    _before.name, _before.default_value, _before.name, _before.name));
    end;
    if _setting.value is distinct from _before.value then
        perform esdb._audit('set setting', _setting.name, jsonb_build_object(
            'before', coalesce(_before.value, _before.default_value),
            'after', coalesce(_setting.value, _setting.default_value),
            'is_default', _setting.value is null));
    end if;
    return coalesce(_setting.value, _setting.default_value);
end
$function$;

comment on function esdb.set_setting(text, text) is
    'Changes a setting (null: back to its default) and returns the value in force; it holds from the commit on. The settings and their bounds: esdb.list_settings(). Errors: SE009.';

revoke all on function esdb.set_setting(text, text) from public;
grant execute on function esdb.set_setting(text, text) to esdb_maintainer;
