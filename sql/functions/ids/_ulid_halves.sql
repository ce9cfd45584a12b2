-- The time of a ULID on the way to its characters, for _ulid(): the upper 25 of its 50 bits are moved up by 5, each half
-- then spreads into 30 bits of its own with the same few operations, and all stand before the 4 bits that end 64.
-- One expression without a pinned search_path, so that it is inlined into its callers.
create or replace function esdb._ulid_halves(
    milliseconds bigint
)
returns bigint
language sql
immutable
parallel safe
return (milliseconds + (milliseconds & 1125899873288192) * 31) << 4;

comment on function esdb._ulid_halves(bigint) is
    'Milliseconds since 1970, the halves of their 50 bits 5 bits apart, for _ulid().';

revoke all on function esdb._ulid_halves(bigint) from public;
