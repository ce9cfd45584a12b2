-- Lets the numbers of checkpoints and leases jump ahead of all that were given out, for a server that has just recovered: a
-- worker that outlived the server still has its token, and must not acknowledge with it what another was given. How
-- many were lost nobody knows, so the clock says where to, as for positions: 2^20 for each second since 2026, or 2^30 further.
-- Locks: see _raise_sequence().
create or replace function esdb._pass_over_tokens()
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select esdb._raise_sequence(
    'esdb.checkpoint_number'::regclass, case when c.number > n.last_number then c.number else n.last_number + 1073741824 end)
from (select coalesce(pg_sequence_last_value('esdb.checkpoint_number'::regclass), 0)) as n (last_number)
cross join esdb._number_by_the_clock(1048576) as c (number)
$function$;

comment on function esdb._pass_over_tokens() is
    'Lets the numbers of leases jump ahead of all that may have been given out and lost.';

revoke all on function esdb._pass_over_tokens() from public;
