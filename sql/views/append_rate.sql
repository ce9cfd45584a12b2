-- How many events are appended, by minute, hour and day: see esdb._append_counts(). A context and a period that a query does
-- not ask for are not looked at. All are as of one time, so that their rows can be added up.
create or replace view esdb.append_rate as
with clock as materialized (
    select pg_catalog.clock_timestamp() as now
)
select
    periods.period,
    codes.code::text as bounded_context,
    codes.name as context_name,
    counts.begins_at,
    counts.event_count,
    counts.event_count / counts.seconds as per_second,
    counts.is_estimate
from esdb.bounded_contexts as codes
cross join (values ('minute'), ('hour'), ('day')) as periods (period)
cross join clock
cross join lateral esdb._append_counts(periods.period, codes.code::text, clock.now) as counts;

comment on view esdb.append_rate is
    'How many events are appended: one row for each context and each of the last 60 minutes, 48 hours and 31 days (period; UTC), those without events and the running one (per_second: so far) included. is_estimate: there were more than 5,000, so they were counted in a sample, and the number is about 1 % off, 5 % where events come in batches of a hundred. A query costs a look into the index for each row, and up to 10,000 events: 20 ms to 0.2 s for a context and a period, whatever the store holds; one that asks for a period or a bounded_context pays for no other. It goes by timestamp: events that an import brings belong to when they happened, and where it brings such as are older than those there already the counts are wrong until the month is over. Worry when a context''s newest whole minutes are 0 and the hours before are not, or when a minute has many times the per_second of its hour.';

revoke all on esdb.append_rate from public;
grant select on esdb.append_rate to esdb_reader, esdb_writer, esdb_maintainer;
