-- esdb.error_codes() lists every error once, and no function raises one that it does not list.
select plan(4);

select results_eq(
    'select code, name from esdb.error_codes()',
    $$values
        ('SE001', 'version_conflict'),
        ('SE002', 'stream_deleted'),
        ('SE003', 'stream_not_found'),
        ('SE004', 'stream_mismatch'),
        ('SE005', 'unknown_context'),
        ('SE006', 'idempotency_conflict'),
        ('SE007', 'duplicate_event_id'),
        ('SE008', 'immutable'),
        ('SE009', 'invalid_argument'),
        ('SE010', 'payload_too_large'),
        ('SE011', 'isolation_not_supported'),
        ('SE012', 'partition_sealed'),
        ('SE013', 'archived'),
        ('SE014', 'snapshot_ahead'),
        ('SE020', 'subscription_not_found'),
        ('SE021', 'stale_token'),
        ('SE022', 'position_unknown')$$,
    'every code has its name, in order and once'
);

select is_empty(
    'select code from esdb.error_codes() where length(meaning) < 10',
    'every code has a meaning'
);

-- SE000 releases a lock and never leaves the function that raises it
select is_empty(
    $$select p.oid::regprocedure, found.code[1]
    from pg_proc as p
    cross join lateral regexp_matches(p.prosrc, 'SE[0-9]{3}', 'g') as found (code)
    where p.pronamespace = 'esdb'::regnamespace
        and found.code[1] not in (select c.code from esdb.error_codes() as c)
        and not (found.code[1] = 'SE000' and p.prosrc ~ 'when sqlstate ''SE000''')$$,
    'no function names a code that is not in the list'
);

select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    cross join lateral (
        select
            count(*) filter (where found.word[1] = 'raise exception') as errors,
            count(*) filter (where found.word[1] = 'errcode = ') as codes,
            count(*) filter (where found.word[1] = 'detail = ') as details,
            count(*) filter (where found.word[1] = 'hint = ') as hints
        from regexp_matches(p.prosrc, 'raise exception|errcode = |detail = |hint = ', 'g') as found (word)
    ) as counted
    where p.pronamespace = 'esdb'::regnamespace
        and (counted.errors, counted.errors, counted.errors) <> (counted.codes, counted.details, counted.hints)
        and p.prosrc !~ 'when sqlstate ''SE000'''$$,
    'every error has a code, a DETAIL and a HINT'
);

select * from finish();
