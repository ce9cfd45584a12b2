-- esdb.ulid_timestamp() reads the time out of a ULID of either case and refuses everything else.
select plan(18);

select is(
    esdb.ulid_timestamp('01ARZ3NDEKTSV4RRFFQ69G5FAV'), '2016-07-30 23:54:10.259+00'::timestamptz,
    'the time of a known ULID'
);
select is(
    esdb.ulid_timestamp('01arz3ndektsv4rrffq69g5fav'), '2016-07-30 23:54:10.259+00'::timestamptz,
    'lower case means the same'
);
select is(
    esdb.ulid_timestamp('01aRz3NdEkTSV4RRFFQ69g5fAv'), '2016-07-30 23:54:10.259+00'::timestamptz,
    'mixed case too'
);
select is(
    esdb.ulid_timestamp('00000000000000000000000000'), '1970-01-01 00:00:00+00'::timestamptz, 'the lowest ULID'
);
select is(
    esdb.ulid_timestamp('7ZZZZZZZZZZZZZZZZZZZZZZZZZ'), '10889-08-02 05:31:50.655+00'::timestamptz,
    'the highest ULID'
);

select refused(
    format('select esdb.ulid_timestamp(%L)', bad.id), 'SE009', 'id: not a ULID',
    format('refused: %s', bad.why)
)
from (
    values
        (null, 'null'),
        ('', 'an empty text'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FA', '25 characters'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAV0', '27 characters'),
        ('81ARZ36S41TSV4RRFFQ69G5FAV', 'a time of more than 48 bits'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAI', 'the letter I'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAL', 'the letter L'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAO', 'the letter O'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAU', 'the letter U'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FA-', 'a hyphen'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAÄ', 'a letter beyond ASCII'),
        (e'01ARZ3NDEKTSV4RRFFQ69G5FAV\n', 'a line break at the end'),
        ('8c9f1d9e-58b6-4b3e-9a52-6f9a9b1a1a11', 'a UUID')
) as bad (id, why);

select * from finish();
