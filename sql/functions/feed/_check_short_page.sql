-- Refuses a short page that could be taken for a whole one, in a read-only transaction.
--
-- A consumer that filters asks for the mark, reads up to it, and after a short page goes on from the mark. The mark of a
-- later scan may be lower (a writer announced late what it had read early). Where marks are recorded the later call
-- knows the earlier one's. A read-only transaction records none, so there a page that ends before up_to_position
-- must not look complete. Locks nothing. Errors: 40001.
create or replace function esdb._check_short_page(
    mark bigint,
    up_to_position bigint
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if current_setting('transaction_read_only') = 'on' then
        raise exception 'the high-water mark is below up_to_position'
            using errcode = 'serialization_failure',
                  detail = format('the mark is %s, up_to_position %s', mark, up_to_position),
                  hint = 'Poll again with a new mark. In a READ WRITE transaction the page would end at the mark.';
    end if;
end
$function$;

comment on function esdb._check_short_page(bigint, bigint) is
    'Raises 40001 in a read-only transaction: the page ends at the mark, before up_to_position.';

revoke all on function esdb._check_short_page(bigint, bigint) from public;
