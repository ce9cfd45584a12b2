-- A stream keeps its type and bounded context; codes that are not registered are refused.
select plan(30);

insert into esdb.aggregate_types (aggregate_type, bounded_context, group_context)
values ('folder', 'b', 'm');
select esdb.append_event('stream', 'Made', '{}', bounded_context => 'n', group_context => 'm', aggregate_type => 'page');

select refused(
    format('select esdb.append_event(''new'', ''Made'', ''{}'', %s)', bad.arguments), 'SE005', bad.detail,
    format('a new stream is refused with %s', bad.arguments)
)
from (
    values
        ('expected_version => null', '%neither bounded_context nor aggregate_type%'),
        ('aggregate_type => ''unheard''', '%unheard%'),
        ('bounded_context => ''x'', group_context => ''m''', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_context => '''', group_context => ''m''', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_context => ''n '', group_context => ''m''', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_context => ''bookmark'', group_context => ''m''', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_context => ''n''', '%'),
        ('bounded_context => ''n'', group_context => ''x''', 'registered: c, m, s'),
        ('bounded_context => ''n'', group_context => ''''', 'registered: c, m, s'),
        ('bounded_context => ''n'', group_context => ''mm''', 'registered: c, m, s'),
        ('bounded_context => ''n'', group_context => ''m'', feature_context => ''x''', 'registered: c, d, r, u'),
        ('bounded_context => ''n'', group_context => ''m'', feature_context => ''''', 'registered: c, d, r, u'),
        ('bounded_context => ''n'', group_context => ''m'', feature_context => ''cc''', 'registered: c, d, r, u'),
        ('aggregate_type => ''folder'', bounded_context => ''x''', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('aggregate_type => ''folder'', group_context => ''x''', 'registered: c, m, s')
) as bad (arguments, detail);
select is(esdb.stream_version('new'), 0::bigint, 'none of them made the stream');

select refused(
    format('select esdb.append_event(''stream'', ''Changed'', ''{}'', %s)', bad.arguments), bad.code, bad.detail,
    format('the stream refuses %s', bad.arguments)
)
from (
    values
        ('bounded_context => ''b''', 'SE004', 'stream: page in n; given: any in b'),
        ('aggregate_type => ''folder''', 'SE004', 'stream: page in n; given: folder in any'),
        ('aggregate_type => ''Page''', 'SE004', 'stream: page in n; given: Page in any'),
        ('aggregate_type => ''page'', bounded_context => ''x''', 'SE004', 'stream: page in n; given: page in x'),
        ('aggregate_type => ''folder'', expected_version => 1', 'SE004', 'stream: page in n; given: folder in any'),
        ('aggregate_type => ''folder'', expected_version => 7', 'SE004', 'stream: page in n; given: folder in any'),
        ('group_context => ''x''', 'SE005', 'registered: c, m, s'),
        ('feature_context => ''x''', 'SE005', 'registered: c, d, r, u')
) as bad (arguments, code, detail);
select is(esdb.stream_version('stream'), 1::bigint, 'none of them advanced it');

select lives_ok(
    $$select esdb.append_event('stream', 'Changed', '{}', 1, 'n', 'm', 'u', 'update', 'page')$$,
    'the stream''s own type and contexts are taken'
);
select lives_ok(
    $$select esdb.append_event('stream', 'Changed', '{}', group_context => 's')$$,
    'an event''s group may differ from the stream''s'
);
select results_eq(
    $$select e.group_context::text, i.group_context from esdb.read_stream('stream', 3) as e, esdb.get_stream_info('stream') as i$$,
    $$values ('s', 'm')$$,
    'the event has its own group, the stream keeps the one it began with'
);

alter domain esdb.group_context_code drop constraint group_context_code_known;
insert into esdb.group_contexts (code, name)
values ('z', 'zone');
select lives_ok(
    $$select esdb.append_event('stream', 'Changed', '{}', group_context => 'z')$$,
    'a group registered later is taken'
);
alter domain esdb.feature_context_code drop constraint feature_context_code_known;
insert into esdb.feature_contexts (code, name, action_type)
values ('x', 'export', 'export');
select esdb.append_event('stream', 'Exported', '{}', feature_context => 'x');
select is(e.action_type::text, 'export', 'a feature registered later brings its action type')
from esdb.read_stream('stream', 5) as e;

select * from finish();
