-- Claims events for a worker and tells which: position, with the attempt where it is not the first, or none. token_of()
-- gives the token of the worker's last claim.
create function claimed(
    subscription text,
    worker text,
    max_count integer default 100,
    lease interval default '30 seconds'
)
returns text
language plpgsql
as $$
declare
    _told text;
    _token text;
begin
    select
        string_agg(c.position::text || case when c.attempt > 1 then format('(%s)', c.attempt) else '' end, ' ' order by c.position),
        max(c.token)::text
    into _told, _token
    from esdb.claim_events(claimed.subscription, claimed.worker, claimed.max_count, claimed.lease) as c;
    if _token is not null then
        perform set_config('claims.' || claimed.worker, _token, false);
    end if;
    return coalesce(_told, 'none');
end
$$;

create function token_of(worker text)
returns bigint
language sql
as $$
select current_setting('claims.' || worker)::bigint
$$;
