-- The 26 characters of a ULID from its 48-bit time and 16 random bytes.
--
-- Source of the format: the ULID specification (Crockford's base 32: 10 characters of time, 16 of randomness).
-- Time: ten groups of 5 bits are spread to 6-bit lanes, so that core base64 yields one character a group, which is
-- then translated; no loop, no lookup. Randomness: 12 bytes (those of a version 4 UUID that are all random) give 16
-- base64 characters; folding case maps the 64 symbols onto 32 exactly evenly.
-- One expression without a pinned search_path, so that it is inlined into its callers.
create or replace function esdb._ulid_text(
    milliseconds bigint,
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
                ((milliseconds & 31) << 4)
                | ((milliseconds & 992) << 5)
                | ((milliseconds & 31744) << 6)
                | ((milliseconds & 1015808) << 7)
                | ((milliseconds & 32505856) << 8)
                | ((milliseconds & 1040187392) << 9)
                | ((milliseconds & 33285996544) << 10)
                | ((milliseconds & 1065151889408) << 11)
                | ((milliseconds & 34084860461056) << 12)
                | ((milliseconds & 246290604621824) << 13)
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

comment on function esdb._ulid_text(bigint, bytea) is
    'A ULID from milliseconds since 1970 and 16 random bytes (of a version 4 UUID).';

revoke all on function esdb._ulid_text(bigint, bytea) from public;
