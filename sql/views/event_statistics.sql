-- How many events of which kind there are, as of the last refresh; read by everyone who would else count. What is sealed
-- was counted then: a refresh reads the unsealed partitions alone.
drop materialized view if exists esdb.event_statistics;

create materialized view esdb.event_statistics as
select
    counted.bounded_context,
    counted.group_context,
    counted.event_type::varchar(255) collate "C" as event_type,
    sum(counted.event_count)::bigint as event_count,
    min(counted.first_event) as first_event,
    max(counted.last_event) as last_event
from esdb._count_events() as counted
group by 1, 2, 3;

-- lets a refresh run concurrently with readers
create unique index event_statistics_key on esdb.event_statistics (bounded_context, group_context, event_type);

comment on materialized view esdb.event_statistics is
    'Events by bounded context, group context and type: how many, the first and the last, as of the last esdb.refresh_event_statistics(). Archived events stay counted. A query costs as many rows as there are kinds; a refresh reads what is not sealed. Worry when the newest last_event is days older than the newest event (esdb.append_rate): `esdb maintain` is not running; when a refresh takes longer from month to month: what is over is not being sealed; and when there are thousands of kinds: names of types are made of data.';

revoke all on esdb.event_statistics from public;
grant select on esdb.event_statistics to esdb_reader, esdb_writer, esdb_maintainer;
