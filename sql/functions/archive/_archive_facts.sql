-- What the manifest of a sealed partition's archive says of it, without its file: taken from its seal, so that an archive
-- can be compared with what the database knows. seal_digest is that of the moment. Null where nothing is sealed.
-- Locks nothing.
create or replace function esdb._archive_facts(
    bounded_context text,
    lower_bound timestamptz
)
returns jsonb
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set quote_all_identifiers = off
as $function$
select jsonb_build_object(
    'format', 1,
    'partition', esdb._partition_name(c.name, s.lower_bound, s.upper_bound),
    'bounded_context', s.bounded_context,
    'context_name', c.name,
    'lower_bound', s.lower_bound,
    'upper_bound', s.upper_bound,
    'event_count', s.event_count,
    'min_position', s.min_position,
    'max_position', s.max_position,
    'events_digest', encode(s.events_digest, 'hex'),
    'seal_number', s.number,
    'sealed_at', s.sealed_at,
    'seal_digest', encode(s.digest, 'hex'),
    'columns', (
        select jsonb_agg(
            jsonb_build_object('name', attribute.attname, 'type', format_type(attribute.atttypid, attribute.atttypmod))
            order by attribute.attnum)
        from pg_attribute as attribute
        where attribute.attrelid = 'esdb.events'::regclass and attribute.attnum > 0 and not attribute.attisdropped
    )
)
from esdb.seals as s
join esdb.bounded_contexts as c on c.code = s.bounded_context
where s.bounded_context = _archive_facts.bounded_context and s.lower_bound = _archive_facts.lower_bound
$function$;

comment on function esdb._archive_facts(text, timestamptz) is
    'The facts of a sealed partition as an archive''s manifest has them, without its file.';

revoke all on function esdb._archive_facts(text, timestamptz) from public;
