-- Attaches the heads of the streams of an import's batch that are detached: it writes into their rows. There are none as a
-- rule, and then no stream is looked up.
-- Locks the rows of those streams until the transaction ends, in the order of their ids.
create or replace function esdb._import_attach_heads(
    aggregate_ids text[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _aggregate_id text;
begin
    for _aggregate_id in
        select d.aggregate_id from esdb.detached_heads as d where d.aggregate_id = any (aggregate_ids) order by d.aggregate_id
    loop
        perform esdb._attach_head(_aggregate_id);
    end loop;
end
$function$;

comment on function esdb._import_attach_heads(text[]) is
    'Attaches the detached heads of the streams of an import''s batch.';

revoke all on function esdb._import_attach_heads(text[]) from public;
