-- How many events there are, of one bounded context or of all, archived ones included: sealed partitions by what their
-- seals say, the unsealed counted. Stable, so all of it is one snapshot. Locks the unsealed leaves of one context
-- after the other in ACCESS SHARE, and lets them go as esdb._in_each_context() does. Errors: SE005.
create or replace function esdb.event_count(
    bounded_context text default null
)
returns bigint
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _total bigint;
    _count bigint;
    _range record;
begin
    if event_count.bounded_context is not null then
        perform esdb._check_filters(array[event_count.bounded_context], null, null);
    end if;
    select coalesce(sum(s.event_count), 0)
    into _total
    from esdb.seals as s
    where coalesce(s.bounded_context = event_count.bounded_context, true);
    for _range in
        select r.bounded_context, r.from_time, coalesce(r.to_time, 'infinity') as to_time
        from esdb._unsealed_ranges(event_count.bounded_context) as r
    loop
        begin
            execute format(
                'select count(*) from esdb.events as e'
                ' where e.bounded_context = %L and e.timestamp >= %L and e.timestamp < %L',
                _range.bounded_context, _range.from_time, _range.to_time)
                into _count;
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
        _total := _total + _count;
    end loop;
    return _total;
end
$function$;

comment on function esdb.event_count(text) is
    'How many events there are, of one bounded context or of all; archived events count. Errors: SE005.';

revoke all on function esdb.event_count(text) from public;
grant execute on function esdb.event_count(text) to esdb_reader, esdb_writer, esdb_maintainer;
