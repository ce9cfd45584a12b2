-- The 26 characters of a ULID from its 48-bit time, as _ulid_halves() gives it, and 16 random bytes.
--
-- Source of the format: the ULID specification (Crockford's base 32: 10 characters of time, 16 of randomness).
-- Time: ten groups of 5 bits are spread to 6-bit lanes, so that core base64 yields one character a group, which is
-- then translated; no loop, no lookup. In each half, group n (from 0) still has to move up by n bits: times 2 to the n.
-- Randomness: 12 bytes (those of a version 4 UUID that are all random) give 16 base64 characters; folding case maps the
-- 64 symbols onto 32 exactly evenly.
-- One expression without a pinned search_path, so that it is inlined into its callers: give it a variable, because an
-- expression would be evaluated for each use.
create or replace function esdb._ulid(
    halves bigint,
    random bytea
)
returns text
language sql
immutable
parallel safe
return pg_catalog.translate(
    pg_catalog.left(
        pg_catalog.encode(
            pg_catalog.int8send(
                halves
                + (halves & 17042430246400)
                + (halves & 545357767884800) * 3
                + (halves & 17451448572313600) * 7
                + (halves & 558446354314035200) * 15
            ),
            'base64'
        ),
        10
    ),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef',
    '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
) || pg_catalog.translate(
    pg_catalog.upper(
        pg_catalog.encode(pg_catalog.substr(random, 1, 6) || pg_catalog.substr(random, 10, 6), 'base64') collate "C"
    ),
    '0123+/ILOU',
    '4567890123'
);

comment on function esdb._ulid(bigint, bytea) is
    'A ULID from its time, as _ulid_halves() gives it, and 16 random bytes (of a version 4 UUID).';

revoke all on function esdb._ulid(bigint, bytea) from public;
