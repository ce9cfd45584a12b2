-- The readers refuse each wrong argument with SE009, naming it.
select plan(12);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');

select refused(
    format('select * from esdb.read_stream(%s)', bad.arguments), 'SE009', bad.detail, format('read_stream(%s)', bad.arguments)
)
from (
    values
        ('null', 'aggregate_id: null'),
        ('''s'', -1', 'from_version: -1'),
        ('''s'', null', 'from_version: null'),
        ('''s'', to_version => -1', 'to_version: -1'),
        ('''s'', max_count => 0', 'max_count: 0'),
        ('''s'', max_count => -1', 'max_count: -1'),
        ('''s'', max_count => null', 'max_count: null'),
        ('''s'', backward => null', 'backward: null'),
        ('''s'', include_deleted => null', 'include_deleted: null'),
        ('''none'', max_count => 0', 'max_count: 0')
) as bad (arguments, detail);
select refused('select * from esdb.get_event(null)', 'SE009', 'id: null', 'get_event(null)');
select refused($$select * from esdb.get_event(null, 's')$$, 'SE009', 'id: null', 'get_event(null) of a stream');

select * from finish();
