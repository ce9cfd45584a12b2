-- esdb._context_plan() gives what the template needs: a code is added to those that the domain admits, none is lost.
select plan(8);

prepare plan_of_order as
select new_kind, new_code, new_name, new_action_type, is_registered, domain_name, domain_constraint, admitted_codes
from esdb._context_plan('bounded', 'o', 'order');

select results_eq(
    'plan_of_order',
    $$values ('bounded', 'o', 'order', null::text, false, 'bounded_context_code', 'bounded_context_code_known',
        array['b', 'c', 'e', 'n', 'nt', 'p', 'r', 's', 't', 'o'])$$,
    'a bounded context'
);
select results_eq(
    $$select new_action_type, is_registered, domain_name, domain_constraint, admitted_codes from esdb._context_plan('group', 'g', 'gate')$$,
    $$values (null::text, false, 'group_context_code', 'group_context_code_known', array['c', 'm', 's', 'g'])$$,
    'a group context'
);
select results_eq(
    $$select new_action_type, is_registered, domain_name, domain_constraint, admitted_codes from esdb._context_plan('feature', 'x', 'export')$$,
    $$values ('export', false, 'feature_context_code', 'feature_context_code_known', array['c', 'd', 'r', 'u', 'x'])$$,
    'a feature context: its action type is its name'
);
select results_eq(
    $$select new_action_type from esdb._context_plan('feature', 'x', 'exportation', 'export')$$, $$values ('export')$$,
    'or what is said'
);
select results_eq(
    $$select is_registered from esdb._context_plan('bounded', 'b', 'bookmark')$$, 'values (true)', 'one that is there is told'
);

-- by hand: a code that the domain admits and no table knows, and one that it has lost
alter domain esdb.bounded_context_code drop constraint bounded_context_code_known;
alter domain esdb.bounded_context_code add constraint bounded_context_code_known check (value in ('b', 'z')) not valid;
select results_eq(
    $$select admitted_codes from esdb._context_plan('bounded', 'o', 'order')$$, $$values (array['b', 'z', 'o'])$$,
    'what the domain admits it goes on to admit, and a disagreement is left for verify to tell'
);
select set_eq(
    $$select name, fault from esdb_meta.object_faults()$$,
    $$values ('esdb.bounded_context_code.bounded_context_code_known', 'altered: codes')$$, 'as it does'
);
alter domain esdb.bounded_context_code drop constraint bounded_context_code_known;
alter domain esdb.bounded_context_code add constraint bounded_context_code_known check (value = 'b') not valid;
select results_eq(
    $$select admitted_codes from esdb._context_plan('bounded', 'o', 'order')$$, $$values (array['b', 'o'])$$,
    'a single code too'
);

select * from finish();
