-- The digest of a leaf is that of its events' lines in blocks of 1,000, however it is paged, and of leaves alone.
select plan(10);

create temporary table leaf as
select format('esdb.%I', p.partition)::regclass::oid as oid
from esdb.partitions as p
where p.bounded_context = 'n' and p.kind = 'overflow';
create function pg_temp.fill(from_position bigint, to_position bigint)
returns void
language sql
as $$
insert into esdb.events_note_overflow (
    position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
    version, timestamp, payload
)
select n, 'id-' || n, 'n', 'm', 'c', 'create', 'note', 'note-' || n, 'Écrit', 1, '2999-01-01 00:00:00.5+00', '{"a": "\u00e9"}'
from generate_series(from_position, to_position) as n
$$;

select is((select d.digest from leaf cross join esdb_meta.digest_events(leaf.oid) as d), null, 'no event, no digest');
select pg_temp.fill(1, 1);
select is(
    (select d.digest from leaf cross join esdb_meta.digest_events(leaf.oid) as d),
    sha256(sha256(convert_to(
        '{"position":1,"id":"id-1","bounded_context":"n","group_context":"m","feature_context":"c","action_type":"create",'
        '"aggregate_type":"note","aggregate_id":"note-1","event_type":"Écrit","schema_version":1,"version":1,'
        '"timestamp":"2999-01-01T00:00:00.5+00:00","occurred_at":null,"payload":{"a": "é"},"metadata":null,"recorded_by":"'
        || session_user || '"}', 'UTF8'))),
    'one event: SHA-256 of the SHA-256 of its line'
);
select pg_temp.fill(2, 2500);
set timezone = 'Pacific/Auckland';
set datestyle = 'German';
select is(d.event_count, 2500::bigint, 'it counts what it has read') from leaf cross join esdb_meta.digest_events(leaf.oid) as d;
select is(d.last_position, 2500::bigint, 'and says where it is') from leaf cross join esdb_meta.digest_events(leaf.oid) as d;
select is(
    (
        select third.digest
        from leaf
        cross join esdb_meta.digest_events(leaf.oid, max_count => 1000) as first
        cross join esdb_meta.digest_events(leaf.oid, first.digest, first.last_position, 1000) as second
        cross join esdb_meta.digest_events(leaf.oid, second.digest, second.last_position, 1000) as third
    ),
    (select d.digest from leaf cross join esdb_meta.digest_events(leaf.oid) as d),
    'page by page it is the same'
);
reset timezone;
reset datestyle;
select refused(format('select esdb_meta.digest_events(%s, max_count => 1500)', leaf.oid), 'SE009', 'max_count%', 'a page is whole blocks')
from leaf;

create view pg_temp.mine as select * from esdb.events_note_overflow;
select refused(
    format('select esdb_meta.%I(%s)', f.name, 'pg_temp.mine'::regclass::oid), 'SE009', 'leaf%',
    format('%s does not read a view of the caller''s', f.name))
from (values ('digest_events'), ('seal_facts')) as f (name);
select refused('select esdb_meta.digest_events(0)', 'SE009', 'leaf%', 'nor what is not there');
select refused(
    format('select esdb_meta.digest_events(%s)', 'esdb.streams'::regclass::oid), 'SE009', 'leaf%', 'nor another table');

select * from finish();
