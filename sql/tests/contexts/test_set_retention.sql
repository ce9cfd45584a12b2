-- set_retention() says how long a context's partitions are kept; it refuses what is no such time, and notes the change.
select plan(28);

select is(esdb.set_retention(good.context, good.retain)::text, good.wanted, format('%s takes %L', good.context, good.retain))
from (
    values
        ('n', '7 years', '7 years'),
        ('note', 'P84M', '7 years'),
        ('b', '1 day', '1 day'),
        ('nt', '1000 years', '1000 years'),
        ('nt', 'forever', null),
        ('p', ' Forever ', null)
) as good (context, retain, wanted);
select results_eq(
    $$select code, retain::text from esdb.contexts where retain is not null order by code collate "C"$$,
    $$values ('b', '1 day'), ('n', '7 years')$$,
    'the view shows it'
);
select results_eq(
    'select action, subject, details from esdb.audit_log where action = ''set retention'' order by number',
    $$values
        ('set retention'::text collate "C", 'note', '{"bounded_context": "n", "before": null, "after": "7 years"}'::jsonb),
        ('set retention', 'bookmark', '{"bounded_context": "b", "before": null, "after": "1 day"}'),
        ('set retention', 'nt', '{"bounded_context": "nt", "before": null, "after": "1000 years"}'),
        ('set retention', 'nt', '{"bounded_context": "nt", "before": "1000 years", "after": null}')$$,
    'each change is in the audit log, what was so before is not'
);

select refused(format('select esdb.set_retention(''n'', %L)', bad.retain), 'SE009', bad.detail, format('refuses %L', bad.retain))
from (
    values
        ('7', 'retain: ''7'' has a number without a unit'),
        ('7.5', 'retain: ''7.5'' has a number without a unit'),
        ('1 year 6', 'retain: ''1 year 6'' has a number without a unit'),
        ('0', 'retain: ''0'' is no interval above 0, up to 1000 years'),
        ('0 days', 'retain: ''0 days'' is no interval above 0, up to 1000 years'),
        ('-1 day', 'retain: ''-1 day'' is no interval above 0, up to 1000 years'),
        ('1 month -40 days', 'retain: ''1 month -40 days'' is no interval above 0, up to 1000 years'),
        ('1 day ago', 'retain: ''1 day ago'' is no interval above 0, up to 1000 years'),
        ('1001 years', 'retain: ''1001 years'' is no interval above 0, up to 1000 years'),
        ('infinity', 'retain: ''infinity'' is no interval above 0, up to 1000 years'),
        ('', 'retain: '''' is no interval above 0, up to 1000 years'),
        ('never', 'retain: ''never'' is no interval above 0, up to 1000 years'),
        ('9999999999999 years', 'retain: ''9999999999999 years'' is no interval above 0, up to 1000 years'),
        (null, 'retain: null')
) as bad (retain, detail);
select refused('select esdb.set_retention(''none'', ''1 day'')', 'SE005', 'registered: %', 'refuses a context that is not registered');
select refused('select esdb.set_retention(null, ''1 day'')', 'SE009', 'bounded_context: null', 'and none');
select is((select retain::text from esdb.bounded_contexts where code = 'n'), '7 years', 'a refused call changes nothing');
select is((select count(*) from esdb.audit_log where action = 'set retention'), 4::bigint, 'and notes nothing');

set intervalstyle = iso_8601;
select is(esdb.set_retention('n', '2 years')::text, 'P2Y', 'the session''s style of intervals is its own');
reset intervalstyle;
select is((select details ->> 'after' from esdb.audit_log order by number desc limit 1), '2 years', 'the log has one for all');

select * from finish();
