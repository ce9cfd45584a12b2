-- Gives the database a clock that the test sets ahead, by the setting test.later. For a session's own use it makes
-- pg_temp.month(), the start of the month so many months from now, and pg_temp.at(), which sets the clock to a time.
create procedure take_the_clock()
language plpgsql
as $procedure$
begin
    alter function pg_catalog.clock_timestamp() rename to real_clock_timestamp;
    create function pg_catalog.clock_timestamp()
    returns timestamptz
    language sql
    volatile
    as $$
    select pg_catalog.real_clock_timestamp() + coalesce(nullif(pg_catalog.current_setting('test.later', true), ''), '0')::pg_catalog.interval
    $$;
    create function pg_temp.month(months integer)
    returns timestamptz
    language sql
    as $$select esdb._utc_month(pg_catalog.real_clock_timestamp(), months)$$;
    create function pg_temp.at(moment timestamptz)
    returns void
    language sql
    as $$select set_config('test.later', (moment - pg_catalog.real_clock_timestamp())::text, false)$$;
end
$procedure$;
