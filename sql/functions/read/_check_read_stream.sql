-- Refuses what is wrong with the arguments of read_stream(). Locks nothing. Errors: SE009.
create or replace function esdb._check_read_stream(
    aggregate_id text,
    from_version bigint,
    to_version bigint,
    max_count integer,
    backward boolean,
    include_deleted boolean,
    skip_archived boolean
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if aggregate_id is null then
        perform esdb._invalid_argument('aggregate_id', 'null', 'Pass the stream''s aggregate_id.');
    end if;
    if (from_version >= 0) is not true then
        perform esdb._invalid_argument('from_version', coalesce(from_version::text, 'null'), 'Pass a version; 1 is the first.');
    end if;
    if to_version < 0 then
        perform esdb._invalid_argument('to_version', to_version::text, 'Pass a version, or null for the newest.');
    end if;
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if num_nulls(backward, include_deleted, skip_archived) > 0 then
        perform esdb._invalid_argument(
            case when backward is null then 'backward' when include_deleted is null then 'include_deleted' else 'skip_archived' end,
            'null', 'Pass true or false.');
    end if;
end
$function$;

comment on function esdb._check_read_stream(text, bigint, bigint, integer, boolean, boolean, boolean) is
    'Raises SE009 for the first argument of read_stream() that is wrong.';

revoke all on function esdb._check_read_stream(text, bigint, bigint, integer, boolean, boolean, boolean) from public;
