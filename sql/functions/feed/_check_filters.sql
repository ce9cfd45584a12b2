-- Refuses a filter of read_all() with a code that is not registered: a consumer would take the empty page for the end of
-- what it looks for. Locks nothing. Errors: SE005.
create or replace function esdb._check_filters(
    bounded_contexts text[],
    group_contexts text[],
    feature_contexts text[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _filter record;
    _unknown text;
begin
    for _filter in
        select 'bounded' as kind, bounded_contexts as wanted,
            array(select c.code::text from esdb.bounded_contexts as c order by c.code) as registered
        union all
        select 'group', group_contexts, array(select g.code::text from esdb.group_contexts as g order by g.code)
        union all
        select 'feature', feature_contexts, array(select f.code::text from esdb.feature_contexts as f order by f.code)
    loop
        select string_agg(coalesce(w.code, 'null'), ', ')
        into _unknown
        from unnest(_filter.wanted) as w (code)
        where (w.code = any (_filter.registered)) is not true;
        if _unknown is not null then
            perform esdb._unknown_context(_filter.kind, _unknown, _filter.registered);
        end if;
    end loop;
end
$function$;

comment on function esdb._check_filters(text[], text[], text[]) is
    'Raises SE005 for a code in a filter that is not registered.';

revoke all on function esdb._check_filters(text[], text[], text[]) from public;
