-- The digest of a leaf's events in the order of their positions, page by page: who wants all of it calls again with
-- what the call before returned, until event_count is below max_count. No state is kept and no transaction need be
-- held in between, so a leaf of any size is read in little memory and under short snapshots. Begin with position 0 (or
-- below) and no digest.
--
-- The rule, which needs no database: an event's line is its row as one JSON object, the columns in the table's order,
-- times in UTC, encoded in UTF-8, without a line's end; archives hold these very lines. Each 1,000 lines, and those
-- left at the end, make a block: digest := SHA-256(digest before || SHA-256 of each line). max_count is a multiple of
-- 1,000. Locks the leaf in ACCESS SHARE until the transaction ends. Errors: SE009.
create or replace function esdb_meta.digest_events(
    leaf oid,
    inout digest bytea default null,
    inout last_position bigint default 0,
    max_count integer default 100000,
    out event_count bigint
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _name constant text := esdb_meta._leaf_name(leaf);
    _block_size constant integer := 1000;
    _lines bigint;
    _last_of_block bigint;
    _digest_of_block bytea;
begin
    if (max_count >= _block_size and max_count % _block_size = 0) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a multiple of 1000.');
    end if;
    event_count := 0;
    loop
        execute format(
            'select count(*), max(b.position), sha256($1 || string_agg(b.digest, $2 order by b.position))'
            ' from (select e.position, sha256(convert_to(row_to_json(e)::text, $3)) as digest'
            ' from only %s as e where e.position > $4 order by e.position limit $5) as b',
            _name)
            into _lines, _last_of_block, _digest_of_block
            using coalesce(digest, ''), ''::bytea, 'UTF8', last_position, _block_size;
        exit when _lines = 0;
        digest := _digest_of_block;
        last_position := _last_of_block;
        event_count := event_count + _lines;
        exit when _lines < _block_size or event_count >= max_count;
    end loop;
end
$function$;

comment on function esdb_meta.digest_events(oid, bytea, bigint, integer) is
    'Continues the digest of a leaf''s events by up to max_count of them (a multiple of 1,000): fewer were the last. SHA-256 (FIPS 180-4) in a chain of blocks of 1,000 lines. Errors: SE009.';

revoke all on function esdb_meta.digest_events(oid, bytea, bigint, integer) from public;
grant execute on function esdb_meta.digest_events(oid, bytea, bigint, integer) to esdb_maintainer;
