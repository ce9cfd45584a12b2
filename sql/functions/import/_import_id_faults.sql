-- Names the staged lines whose id is given already: to an event of the partition that they would come into, or to an
-- earlier line of the batch. What stands elsewhere is not looked for: ids are their makers' to keep unique store-wide,
-- `esdb verify` finds the rest. Locks the leaves read, shared, until the transaction ends.
create or replace function esdb._import_id_faults()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _month record;
begin
    insert into pg_temp.esdb_import_faults (number, fault)
    select d.number, format('id %s is that of line %s, too', d.id, d.first_number)
    from (
        select e.number, e.id, min(e.number) over (partition by e.id) as first_number
        from pg_temp.esdb_import_events as e
    ) as d
    where d.number > d.first_number;
    for _month in
        select e.bounded_context::text as code, esdb._utc_month(e.timestamp) as start
        from pg_temp.esdb_import_events as e
        group by 1, 2
        order by 1, 2
    loop
        execute format(
            'insert into pg_temp.esdb_import_faults (number, fault)'
            ' select x.number, format($1, x.id, e.version, e.aggregate_id)'
            ' from pg_temp.esdb_import_events as x'
            ' join esdb.events as e on e.id = x.id and (e.aggregate_id <> x.aggregate_id or e.version <> x.version)'
            ' and e.bounded_context = %1$L and e.timestamp >= %2$L and e.timestamp < %3$L'
            ' where x.bounded_context = %1$L and x.timestamp >= %2$L and x.timestamp < %3$L'
            ' and not exists (select from pg_temp.esdb_import_faults as f where f.number = x.number)',
            _month.code, _month.start, esdb._utc_month(_month.start, 1))
            using 'id %s is that of version %s of stream %s';
    end loop;
end
$function$;

comment on function esdb._import_id_faults() is 'Names the lines of the staged batch of an import whose id is given already.';

revoke all on function esdb._import_id_faults() from public;
