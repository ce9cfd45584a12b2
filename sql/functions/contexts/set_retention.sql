-- Says how long a bounded context's partitions stay after their end before `esdb partitions archive` takes them: an
-- interval ('7 years'), or 'forever', which is what a new context has. Returns it as it is stored, null for ever. The
-- context is given by code or by name. Nothing is archived by this; the change is in the audit log.
--
-- Locks the context's row in esdb.bounded_contexts until the transaction ends; no append waits for it.
-- Errors: SE005, SE009.
create or replace function esdb.set_retention(
    bounded_context text,
    retain text
)
returns interval
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set intervalstyle = postgres
as $function$
#variable_conflict use_variable
declare
    _code constant text := esdb._context_code('bounded', bounded_context);
    _bare constant text := esdb._bare_number(retain);
    _name text;
    _before interval;
    _after interval;
begin
    select c.name, c.retain
    into _name, _before
    from esdb.bounded_contexts as c
    where c.code = _code
    for no key update;

    if retain is null then
        perform esdb._invalid_argument('retain', 'null', 'Pass an interval such as 7 years, or forever.');
    elsif _bare is not null then
        perform esdb._invalid_argument(
            'retain', format('%s has a number without a unit', quote_literal(retain)),
            format('Give each number its unit: write %s years, for example.', _bare));
    elsif lower(btrim(retain)) <> 'forever' then
        begin
            _after := retain::interval;
        exception
            when data_exception then
                null;
        end;
        if (_after > interval '0' and _after <= interval '1000 years') is not true then
            perform esdb._invalid_argument(
                'retain', format('%s is no interval above 0, up to 1000 years', quote_literal(retain)),
                'Pass an interval such as 7 years, or forever.');
        end if;
    end if;

    if _after::text is distinct from _before::text then
        update esdb.bounded_contexts as c
        set retain = _after
        where c.code = _code;
        perform esdb._audit(
            'set retention', _name, jsonb_build_object('bounded_context', _code, 'before', _before, 'after', _after));
    end if;
    return _after;
end
$function$;

comment on function esdb.set_retention(text, text) is
    'Says how long a bounded context''s partitions (code or name) stay before they may be archived: an interval, or forever; returns it, null for ever. Errors: SE005, SE009.';

revoke all on function esdb.set_retention(text, text) from public;
grant execute on function esdb.set_retention(text, text) to esdb_maintainer;
