-- append_event() refuses each wrong argument with SE009, naming it in DETAIL.
select plan(61);

select esdb.append_event('existing', 'Made', '{}', 0, 'n', 'm');

select refused(
    format(
        'select esdb.append_event(%s)',
        (
            select string_agg(format('%s => %s', name, coalesce(replaced.value, argument.value)), ', ')
            from (
                values
                    ('aggregate_id', quote_literal(stream.id)),
                    ('event_type', '''T'''),
                    ('payload', '''{}'''),
                    ('bounded_context', '''n'''),
                    ('group_context', '''m''')
            ) as argument (name, value)
            full join (select bad.name, bad.value) as replaced using (name)
        )
    ),
    'SE009', bad.detail, format('%s %s, %s stream', bad.name, bad.why, stream.id)
)
from (
    values
        ('aggregate_id', 'null', 'aggregate_id: null', 'null'),
        ('aggregate_id', '''''', 'aggregate_id: 0 characters', 'empty'),
        ('aggregate_id', 'repeat(''ä'', 256)', 'aggregate_id: 256 characters', 'of 256 characters'),
        ('event_type', 'null', 'event_type: %missing', 'null'),
        ('event_type', '''''', 'event_type: %0 characters', 'empty'),
        ('event_type', 'repeat(''ä'', 256)', 'event_type: %256 characters', 'of 256 characters'),
        ('payload', 'null', 'payload: %missing', 'null'),
        ('payload', '''null''', 'payload: %missing', 'JSON null'),
        ('payload', '''[]''', 'payload: %array%', 'an array'),
        ('payload', '''[{}]''', 'payload: %array%', 'an array of objects'),
        ('payload', '''"text"''', 'payload: %string%', 'a string'),
        ('payload', '''1''', 'payload: %number%', 'a number'),
        ('payload', '''true''', 'payload: %boolean%', 'a boolean'),
        ('metadata', '''[]''', 'metadata: %array%', 'an array'),
        ('metadata', '''"text"''', 'metadata: %string%', 'a string'),
        ('metadata', '''1''', 'metadata: %number%', 'a number'),
        ('metadata', '''false''', 'metadata: %boolean%', 'a boolean'),
        ('metadata', '''null''', 'metadata: %null%', 'JSON null'),
        ('id', '''''', 'id: %0 characters', 'empty'),
        ('id', 'repeat(''ä'', 65)', 'id: %65 characters', 'of 65 characters'),
        ('idempotency_key', '''''', 'idempotency_key: 0 characters', 'empty'),
        ('idempotency_key', 'repeat(''ä'', 256)', 'idempotency_key: 256 characters', 'of 256 characters'),
        ('action_type', '''''', 'action_type: 0 characters', 'empty'),
        ('action_type', 'repeat(''ä'', 11)', 'action_type: 11 characters', 'of 11 characters'),
        ('schema_version', '0', 'schema_version: %', '0'),
        ('schema_version', '-1', 'schema_version: %', '-1'),
        ('schema_version', '32768', 'schema_version: %', '32768'),
        ('schema_version', '2147483647', 'schema_version: %', 'the highest integer'),
        ('expected_version', '-2', 'expected_version: -2', '-2')
) as bad (name, value, detail, why)
cross join (
    values
        ('existing'),
        ('new')
) as stream (id);

select is((select count(*) from esdb.events), 1::bigint, 'none of them wrote an event');
select is((select count(*) from esdb.streams), 1::bigint, 'none of them made a stream');

select throws_ok(
    $$select esdb.append_event('s', 'T', '{"a": }')$$,
    '22P02', null, 'what is no JSON is the type''s own error'
);

select * from finish();
