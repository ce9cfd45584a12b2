-- What is wrong with the store and its server, or will be, the worst first: see esdb_meta.doctor().
create or replace view esdb.findings as
select
    d.severity,
    d.finding,
    d.subject,
    d.fact,
    d.why,
    d.mend,
    d.mend_by
from esdb_meta.doctor() as d
order by array_position(array['critical', 'warning', 'notice'], d.severity), d.finding, d.subject;

comment on view esdb.findings is
    'What `esdb doctor` finds: what is wrong with the store and its server, or will be, the worst first. severity: critical (appends fail, consumers stand still or events may be lost, now or soon), warning, notice (costs something, or should be looked at); subject: what it is about; fact: what is so; why: why it matters; mend: what mends it, a statement or command a line; mend_by: sql, shell, or hand (something has to be filled in or decided first). Members of pg_read_all_stats see findings about the sessions of others. A query costs 0.2 s, a second with a thousand partitions; it reads the catalog, statistics and the lock table, and a few events where a stream is hot or a subscription is behind. Worry about every row that is critical.';

revoke all on esdb.findings from public;
grant select on esdb.findings to esdb_maintainer;
