-- read_all() refuses each wrong argument, a cursor beyond the store's end and a context it does not know.
select plan(18);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');

select refused(
    format('select * from esdb.read_all(%s)', bad.arguments), bad.code, bad.detail, format('read_all(%s)', bad.arguments)
)
from (
    values
        ('-1', 'SE009', 'after_position: -1'),
        ('null', 'SE009', 'after_position: null'),
        ('0, 0', 'SE009', 'max_count: 0'),
        ('0, -1', 'SE009', 'max_count: -1'),
        ('0, null', 'SE009', 'max_count: null'),
        ('backward => null', 'SE009', 'backward: null'),
        ('up_to_position => -1', 'SE009', 'up_to_position: -1'),
        ('1, 0', 'SE009', 'max_count: 0'),
        ('2', 'SE022', '{"last_position": 1, "after_position": 2}'),
        ('9223372036854775807', 'SE022', '{"last_position": 1, %}'),
        ('2, backward => true', 'SE022', '%'),
        ('2, bounded_contexts => array[''n'']', 'SE022', '%'),
        ('bounded_contexts => array[''x'']', 'SE005', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_contexts => array[''n'', ''note'']', 'SE005', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_contexts => array[null]', 'SE005', 'registered: %'),
        ('1, bounded_contexts => array[''x'']', 'SE005', 'registered: %')
) as bad (arguments, code, detail);

select lives_ok('select * from esdb.read_all(1)', 'the last position is a cursor');
select lives_ok('select * from esdb.read_all(0, up_to_position => 99)', 'up_to_position may lie beyond the end');

select * from finish();
