-- read_all() filters by context, group, feature, type of event and of aggregate, each alone and combined.
select plan(25);

select esdb.append_event('1', 'Made', '{}', 0, 'n', 'm', aggregate_type => 'page');
select esdb.append_event('1', 'Changed', '{}');
select esdb.append_event('2', 'Made', '{}', 0, 'b', 'c');
select esdb.append_event('2', 'Gone', '{}', feature_context => 'd');
select esdb.append_event('3', 'Made', '{}', 0, 'nt', 's', aggregate_type => 'page');
select esdb.append_event('3', 'Seen', '{}', feature_context => 'r', group_context => 'm');
call settle();

select is(
    (
        select coalesce(string_agg(e.position::text, ' '), 'none')
        from (
            select r.position
            from esdb.read_all(
                asked.after_position, asked.max_count, asked.contexts, asked.groups, asked.features, asked.types,
                asked.aggregates, asked.backward) as r
        ) as e
    ),
    asked.wanted, asked.why
)
from (
    values
        (0, 1000, array['n'], null::text[], null::text[], null::text[], null::text[], false, '1 2', 'a context'),
        (0, 1000, array['nt'], null, null, null, null, false, '5 6', 'the context of two letters'),
        (0, 1000, array['n', 'b'], null, null, null, null, false, '1 2 3 4', 'two contexts'),
        (0, 1000, array['e'], null, null, null, null, false, 'none', 'a context without events'),
        (0, 1000, null, array['m'], null, null, null, false, '1 2 6', 'a group'),
        (0, 1000, null, array['c', 's'], null, null, null, false, '3 4 5', 'two groups'),
        (0, 1000, null, null, array['c'], null, null, false, '1 3 5', 'a feature'),
        (0, 1000, null, null, array['d', 'r'], null, null, false, '4 6', 'two features'),
        (0, 1000, null, null, null, array['Made'], null, false, '1 3 5', 'a type of event'),
        (0, 1000, null, null, null, array['Gone', 'Seen', 'Unheard'], null, false, '4 6', 'types of event'),
        (0, 1000, null, null, null, array['made'], null, false, 'none', 'to the letter'),
        (0, 1000, null, null, null, null, array['page'], false, '1 2 5 6', 'a type of aggregate'),
        (0, 1000, null, null, null, null, array['page', 'bookmark'], false, '1 2 3 4 5 6', 'two types of aggregate'),
        (0, 1000, array['n', 'nt'], array['m'], array['c', 'r'], array['Made', 'Seen'], array['page'], false, '1 6', 'all at once'),
        (0, 1, null, null, null, array['Made'], null, false, '1', 'the first page of a filter'),
        (1, 1, null, null, null, array['Made'], null, false, '3', 'the next'),
        (3, 5, null, null, null, array['Made'], null, false, '5', 'the last'),
        (0, 2, null, null, null, array['Made'], null, true, '5 3', 'backward'),
        (0, 1000, '{}', null, null, null, null, false, 'none', 'an empty array of contexts lets nothing through'),
        (0, 1000, null, '{}', null, null, null, false, 'none', 'of groups'),
        (0, 1000, null, null, '{}', null, null, false, 'none', 'of features'),
        (0, 1000, null, null, null, '{}', null, false, 'none', 'of types'),
        (0, 1000, null, null, null, null, '{}', false, 'none', 'of aggregates'),
        (0, 1000, null, null, null, array[''' or true --'], null, false, 'none', 'a filter is a value, not SQL')
) as asked (after_position, max_count, contexts, groups, features, types, aggregates, backward, wanted, why);

select results_eq(
    $$select r.position from esdb.read_all(up_to_position => 4, event_types => array['Made']) as r$$,
    'values (1::bigint), (3)',
    'a filter and up_to_position both hold'
);

select * from finish();
