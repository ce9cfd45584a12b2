-- Reads the next events of a partition of a subscription, wanted ones at most: read_all → events. scanned_to: there is no
-- other event of the partition up to it. It looks on until there is one or up_to_position, which is not above the mark,
-- is reached. What lies before an archive comes first: only where the next event may be an archived one it raises SE013.
-- Locks what read_all() locks. Errors: those of read_all().
create or replace function esdb._scan_partition(
    definition esdb.subscription_definitions,
    partition integer,
    after_position bigint,
    up_to_position bigint,
    wanted integer,
    out events esdb.events[],
    out scanned_to bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- with several partitions most of a page is the others', so it is a larger one
    _page_size constant integer := case
        when definition.partitions = 1 then wanted
        else least(greatest(wanted::bigint * definition.partitions, 100), 10000)
    end;
    _page_count integer;
    _page_end bigint;
    _archive text;
begin
    scanned_to := after_position;
    while scanned_to < up_to_position loop
        begin
            select
                array_agg(e order by e.position) filter (where m.is_ours),
                count(*),
                max(e.position)
            into events, _page_count, _page_end
            from esdb.read_all(
                after_position => scanned_to,
                max_count => _page_size,
                bounded_contexts => definition.bounded_contexts,
                group_contexts => definition.group_contexts,
                feature_contexts => definition.feature_contexts,
                event_types => definition.event_types,
                aggregate_types => definition.aggregate_types,
                up_to_position => up_to_position
            ) as e
            cross join lateral (
                select definition.partitions = 1 or esdb._partition_of(e.aggregate_id, definition.partitions) = partition as is_ours
            ) as m;
        exception
            when sqlstate 'SE013' then
                get stacked diagnostics _archive = pg_exception_detail;
                if (_archive::jsonb ->> 'min_position')::bigint <= scanned_to + 1 then
                    raise;
                end if;
                up_to_position := (_archive::jsonb ->> 'min_position')::bigint - 1;
                continue;
        end;
        scanned_to := case when _page_count < _page_size then up_to_position else _page_end end;
        if cardinality(events) > wanted then
            events := events[1:wanted];
            scanned_to := events[wanted].position;
        end if;
        exit when events is not null;
    end loop;
end
$function$;

comment on function esdb._scan_partition(esdb.subscription_definitions, integer, bigint, bigint, integer) is
    'The next events of a partition of a subscription. Errors: those of read_all().';

revoke all on function esdb._scan_partition(esdb.subscription_definitions, integer, bigint, bigint, integer) from public;
