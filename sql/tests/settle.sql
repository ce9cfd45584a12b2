-- Waits until the mark has reached the last position: a dear scan may pause the next for a moment.
create procedure settle()
language plpgsql
as $$
declare
    _deadline constant timestamptz := clock_timestamp() + interval '10 seconds';
begin
    while esdb.high_water_mark() < coalesce(pg_sequence_last_value('esdb.event_position'), 0) loop
        if clock_timestamp() > _deadline then
            raise exception 'the mark does not reach the last position';
        end if;
        perform pg_sleep(0.002);
    end loop;
end
$$;
