-- Whether the feed can be trusted: the sequence hands positions out one by one and stands at or above every event's, no
-- mark is recorded beyond it, and no event is later than the newest month noted. SECURITY DEFINER because nobody but
-- the owner reads events. Holds the locks of one context's leaves at a time, shared, and none at its end.
create or replace function esdb_meta.sequence_faults()
returns table (
    kind text,
    name text,
    fault text
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- in this order: what is read first cannot be overtaken by what is read last
    _mark constant bigint := coalesce(pg_sequence_last_value('esdb.established_mark'::regclass), 0);
    _published constant bigint := coalesce(pg_sequence_last_value('esdb.durable_mark'::regclass), 0);
    _highest constant bigint := greatest(
        (
            select coalesce(max(h.position), 0)
            from esdb._in_each_context('select max(e.position) from esdb.%I as e') as h (position bigint)
        ),
        (select max(s.max_position) from esdb.seals as s)
    );
    -- only what may lie beyond: no other leaf is read
    _newest constant timestamptz := greatest(
        (
            select max(n.newest)
            from esdb._in_each_context(
                'select max(e.timestamp) from esdb.%I as e where e.timestamp >= $2', from_time => esdb._newest_month_end()
            ) as n (newest timestamptz)
        ),
        (select max(t.last_event) from esdb.seal_statistics as t)
    );
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _facts record;
begin
    kind := 'sequence';
    name := 'esdb.event_position';
    select s.seqcache, s.seqincrement, s.seqcycle into _facts
    from pg_sequence as s
    where s.seqrelid = 'esdb.event_position'::regclass;
    if _facts.seqcache <> 1 then
        fault := format('CACHE is %s, not 1: positions would not follow their drawing', _facts.seqcache);
        return next;
    end if;
    if _facts.seqincrement <> 1 then
        fault := format('INCREMENT is %s, not 1', _facts.seqincrement);
        return next;
    end if;
    if _facts.seqcycle then
        fault := 'CYCLE is set: positions would be given out twice';
        return next;
    end if;
    if _last < _highest then
        fault := format('stands at %s, below the highest position %s: positions would be given out twice', _last, _highest);
        return next;
    end if;
    if _last > 281474976710655 - 1099511627776 then
        fault := format('stands at %s, and %s is the last: few positions are left', _last, 281474976710655);
        return next;
    end if;
    if _published > _last then
        name := 'esdb.durable_mark';
        fault := format('stands at %s, beyond esdb.event_position at %s: consumers on standbys would skip events',
            _published, _last);
        return next;
    end if;
    if _mark > _last then
        name := 'esdb.established_mark';
        fault := format('stands at %s, beyond esdb.event_position at %s: consumers would skip events', _mark, _last);
        return next;
    end if;
    if _newest >= esdb._newest_month_end() then
        name := 'esdb.newest_month';
        fault := format('ends at %s, but an event is of %s: the feed would skip it', esdb._newest_month_end(), _newest);
        return next;
    end if;
end
$function$;

comment on function esdb_meta.sequence_faults() is
    'What is wrong with the sequences of positions, of the recorded mark and of the newest month; no row: nothing.';

revoke all on function esdb_meta.sequence_faults() from public;
grant execute on function esdb_meta.sequence_faults() to esdb_maintainer;
