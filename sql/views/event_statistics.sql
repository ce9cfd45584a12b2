-- How many events of which kind there are, as of the last refresh; read by everyone who would else count.
drop materialized view if exists esdb.event_statistics;

create materialized view esdb.event_statistics as
select
    e.bounded_context,
    e.group_context,
    e.event_type,
    count(*) as event_count,
    min(e.timestamp) as first_event,
    max(e.timestamp) as last_event
from esdb.events as e
group by e.bounded_context, e.group_context, e.event_type;

-- lets a refresh run concurrently with readers
create unique index event_statistics_key on esdb.event_statistics (bounded_context, group_context, event_type);

comment on materialized view esdb.event_statistics is
    'Events by bounded context, group context and type: how many, the first and the last, as of the last esdb.refresh_event_statistics().';

revoke all on esdb.event_statistics from public;
grant select on esdb.event_statistics to esdb_reader, esdb_writer, esdb_maintainer;
