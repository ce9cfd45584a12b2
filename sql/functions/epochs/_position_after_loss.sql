-- The position up to which an epoch jumps that begins where last_position was the highest known to have been given out.
--
-- After a crash, which loses less than a second, 2^24 further. After anything else what was lost may be any number of
-- positions, also those of a history that had jumped itself: somebody restores once more from the same backup. So the clock
-- says where to, at 65,536 positions a second since 2026: a later epoch is then ahead of an earlier one whatever was lost
-- between, unless more were drawn, all the time. Where that would be no jump, 2^36 further, and so where the clock would
-- use up half of the positions that there are: it is a wrong one, or it is the year 2094. Never beyond half of what is left.
create or replace function esdb._position_after_loss(
    last_position bigint,
    is_crash boolean
)
returns bigint
language sql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select last_position + least(
    case
        when is_crash then 16777216
        when c.position > last_position + 16777216 and c.position < 140737488355328 then c.position - last_position
        else 68719476736
    end,
    (281474976710655 - last_position) / 2)
from esdb._number_by_the_clock(65536) as c (position)
$function$;

comment on function esdb._position_after_loss(bigint, boolean) is
    'The position up to which a new epoch jumps, so that none that was given out and lost is given out again.';

revoke all on function esdb._position_after_loss(bigint, boolean) from public;
