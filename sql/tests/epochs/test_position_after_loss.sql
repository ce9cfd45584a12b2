-- Where positions jump to: a little after a crash, else to where the clock says; never far beyond the end.
select plan(7);

select is(esdb._position_after_loss(1000, true), 1000 + (1::bigint << 24), 'after a crash: 2^24 further');
select ok(
    esdb._number_by_the_clock(1) - extract(epoch from clock_timestamp() - '2026-01-01 00:00:00+00') between -2 and 2,
    'the clock counts the seconds since 2026');
select ok(
    esdb._position_after_loss(1000, false) - esdb._number_by_the_clock(65536) between -60 * 65536 and 0,
    'else: to where the clock says, at 65,536 a second');
select is(
    esdb._position_after_loss(1::bigint << 46, false), (1::bigint << 46) + (1::bigint << 36),
    'where the clock is behind: 2^36 further');
select ok(
    esdb._position_after_loss(esdb._number_by_the_clock(65536) - 100, false) - esdb._number_by_the_clock(65536)
        between (1::bigint << 36) - 60 * 65536 and 1::bigint << 36, 'so, too, where it is hardly ahead');
select is(
    esdb._position_after_loss(281474976710655 - 100, false), 281474976710655 - 50, 'near the end: half of what is left');
select is(
    esdb._position_after_loss(281474976710655 - 100, true), 281474976710655 - 50, 'near the end, after a crash, too');

select * from finish();
