-- esdb._invalid_argument() raises SE009 that names the argument, its fault and what to do.
select plan(2);

select refused(
    $$select esdb._invalid_argument('max_count', '0', 'Pass a number from 1 on.')$$,
    'SE009', 'max_count: 0', 'DETAIL is argument and fault'
);
select throws_ok(
    $$select esdb._invalid_argument('max_count', '0', 'Pass a number from 1 on.')$$,
    'SE009', 'invalid argument: max_count', 'MESSAGE names the argument'
);

select * from finish();
