-- Notes in the audit log what became of parked events; refuses where a certain one was asked for and there is none.
-- Errors: SE009.
create or replace function esdb._note_parked(
    action text,
    subscription text,
    asked_for bigint,
    positions bigint[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if positions is null and asked_for is not null then
        perform esdb._invalid_argument(
            'position', format('subscription %s has no failed event at %s', subscription, asked_for),
            'The view esdb.parked_events lists them.');
    end if;
    if positions is not null then
        perform esdb._audit(action || ' parked', subscription, jsonb_build_object('positions', positions), cardinality(positions));
    end if;
end
$function$;

comment on function esdb._note_parked(text, text, bigint, bigint[]) is
    'Notes what became of parked events. Errors: SE009 for none.';

revoke all on function esdb._note_parked(text, text, bigint, bigint[]) from public;
