-- create_subscription() makes what it is told, the same again changes nothing, and what is wrong is refused.
select plan(29);

select esdb.append_event('s', 'T', '{}', bounded_context => 'n', group_context => 'm') from generate_series(1, 3);
call settle();

select lives_ok($$select esdb.create_subscription('all')$$, 'with a name alone');
select lives_ok($$select esdb.create_subscription('all')$$, 'the same again changes nothing');
select refused($$select esdb.create_subscription('all', partitions => 2)$$, 'SE009', 'name: subscription all is there%', 'not as another one');
select lives_ok($$select esdb.create_subscription('some', event_types => '{A,B}')$$, 'with a filter');
select lives_ok($$select esdb.create_subscription('some', event_types => '{B,A,B}')$$, 'the same filter in other words changes nothing');
select refused(
    $$select esdb.create_subscription('some', event_types => '{A,B}', aggregate_types => '{A}')$$, 'SE009', 'name: subscription some is there%',
    'not with another one');
select lives_ok($$select esdb.drop_subscription('some')$$, 'enough of it');
select lives_ok($$select esdb.create_subscription('now', from_position => -1)$$, 'from now on');
select is(claimed('now', 'w'), 'none', 'nothing before');
select lives_ok($$select esdb.create_subscription('later', from_position => 2)$$, 'behind a position');
select is(claimed('later', 'w'), '3', 'what is behind it');
select results_eq(
    $$select name, from_position, partitions, max_attempts, on_failure from esdb.subscriptions$$,
    $$values ('all' collate "C", 0::bigint, 1, 10, 'park' collate "C"), ('later', 2, 1, 10, 'park'), ('now', -1, 1, 10, 'park')$$,
    'the view tells'
);

select refused(format('select esdb.create_subscription(%s)', bad.arguments), bad.code, bad.detail, bad.arguments)
from (
    values
        ('null', 'SE009', 'name: null'),
        ('''''', 'SE009', 'name: 0 characters'),
        ('repeat(''x'', 256)', 'SE009', 'name: 256 characters'),
        ('''x'', from_position => null', 'SE009', 'from_position: null'),
        ('''x'', from_position => -2', 'SE009', 'from_position: -2'),
        ('''x'', from_position => 4', 'SE022', '%'),
        ('''x'', partitions => 0', 'SE009', 'partitions: 0'),
        ('''x'', partitions => 1025', 'SE009', 'partitions: 1025'),
        ('''x'', partitions => null', 'SE009', 'partitions: null'),
        ('''x'', max_attempts => 0', 'SE009', 'max_attempts: 0'),
        ('''x'', max_attempts => null', 'SE009', 'max_attempts: null'),
        ('''x'', on_failure => ''go on''', 'SE009', 'on_failure: go on'),
        ('''x'', on_failure => null', 'SE009', 'on_failure: null'),
        ('''x'', event_types => ''{A,null}''', 'SE009', 'event_types: {A,NULL}'),
        ('''x'', aggregate_types => ''{null}''', 'SE009', 'aggregate_types: {NULL}'),
        ('''x'', group_contexts => ''{{m},{c}}''', 'SE009', 'group_contexts: {{m},{c}}'),
        ('''x'', bounded_contexts => array[''zz'']', 'SE005', '%')
) as bad (arguments, code, detail);

select * from finish();
