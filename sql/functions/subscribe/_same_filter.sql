-- Whether two filters let the same pass: the order of what they list, and repetitions, do not matter. Locks nothing.
create or replace function esdb._same_filter(
    one text[],
    other text[]
)
returns boolean
language sql
immutable
parallel safe
return (one is null and other is null) or coalesce(one @> other and one <@ other, false);

comment on function esdb._same_filter(text[], text[]) is 'Whether two filters let the same pass.';

revoke all on function esdb._same_filter(text[], text[]) from public;
