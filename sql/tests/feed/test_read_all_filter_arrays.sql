-- A filter finds the same whatever shape its array has; a code that is not registered is no empty page.
select plan(8);

select esdb.append_event('s', 'T', '{}', bounded_context => 'b', group_context => 'm');

select is((select count(*) from esdb.read_all(event_types => '{T}')), 1::bigint, 'a plain array');
select is((select count(*) from esdb.read_all(event_types => '[5:5]={T}')), 1::bigint, 'an array that starts at 5');
select is((select count(*) from esdb.read_all(event_types => '{{T}}')), 1::bigint, 'an array of two dimensions');
select is((select count(*) from esdb.read_all(bounded_contexts => '{{b}}')), 1::bigint, 'contexts of two dimensions');
select is((select count(*) from esdb.read_all(event_types => '{}')), 0::bigint, 'an empty array lets nothing through');
select throws_ok('select * from esdb.read_all(group_contexts => ''{q}'')', 'SE005', null, 'an unknown group');
select throws_ok('select * from esdb.read_all(feature_contexts => ''{q}'')', 'SE005', null, 'an unknown feature');
select throws_ok('select * from esdb.read_all(skip_archived => null)', 'SE009', null, 'skip_archived null');

select * from finish();
