-- Checks the staged batch of an import, whatever it holds, against the store and writes it: what is there already is left
-- out, what does not fit is named in esdb_import_faults and left out too. Plain batches need not come by here: see
-- _import_reserve(). after_position: the highest position of the file so far.
-- goes_on: leave out what does not fit; else nothing is written where a line has a fault, _import_stage()'s included.
-- is_dry_run: write nothing.
--
-- Locks the rows of the streams until the transaction ends; the caller commits at once, or rolls back to leave nothing.
-- Errors: 40001 (do the batch again), SE012, SE013.
create or replace function esdb._import_batch(
    after_position bigint,
    goes_on boolean,
    is_dry_run boolean,
    out event_count bigint,
    out known_count bigint,
    out fault_count bigint,
    out last_position bigint,
    out min_position bigint,
    out max_position bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _faults_before bigint;
    _is_checked boolean := is_dry_run;
    _positions bigint[];
begin
    event_count := 0;
    known_count := 0;
    perform esdb._import_load_streams(is_dry_run);
    <<check_and_write>>
    loop
        select count(*) into _faults_before from pg_temp.esdb_import_faults;
        fault_count := _faults_before;
        exit when fault_count > 0 and not goes_on;
        perform esdb._import_heads();
        if exists (select from pg_temp.esdb_import_heads as h where not h.is_sound) then
            perform esdb._import_stream_faults();
        else
            perform esdb._import_position_faults(after_position);
            if exists (select from pg_temp.esdb_import_heads as h where h.known_count > 0) then
                perform esdb._import_known_faults();
            end if;
        end if;
        if _is_checked then
            perform esdb._import_id_faults();
        end if;
        select count(*) into fault_count from pg_temp.esdb_import_faults;
        if fault_count > _faults_before then
            delete from pg_temp.esdb_import_events as e
            using pg_temp.esdb_import_faults as f
            where f.number = e.number;
            continue check_and_write;
        end if;

        select coalesce(max(e.position), after_position) into last_position
        from pg_temp.esdb_import_events as e;
        if exists (select from pg_temp.esdb_import_heads as h where h.known_count > 0) then
            known_count := known_count + (select sum(h.known_count) from pg_temp.esdb_import_heads as h);
            delete from pg_temp.esdb_import_events as e
            using pg_temp.esdb_import_streams as s
            where s.aggregate_id = e.aggregate_id and e.version <= s.version;
            delete from pg_temp.esdb_import_heads as h
            where h.version is null;
        end if;
        if is_dry_run then
            select count(*) into event_count from pg_temp.esdb_import_events;
            insert into pg_temp.esdb_import_seen as seen
            select h.aggregate_id, h.aggregate_type, h.bounded_context, coalesce(h.group_context, s.group_context),
                h.version, coalesce(h.month_version, s.month_version), coalesce(s.created_at, h.created_at),
                h.updated_at, h.deleted_at
            from pg_temp.esdb_import_heads as h
            left join pg_temp.esdb_import_streams as s on s.aggregate_id = h.aggregate_id
            on conflict (aggregate_id) do update
            set version = excluded.version, updated_at = excluded.updated_at;
            exit check_and_write;
        end if;
        begin
            -- what is left is plain
            perform esdb._import_steps();
            perform esdb._import_own_heads();
            perform esdb._import_stand();
            select count(*) into event_count from pg_temp.esdb_import_steps;
            _positions := esdb._import_draw(event_count);
            min_position := _positions[1];
            max_position := _positions[event_count];
            perform esdb._import_write_streams();
            perform esdb._import_write(_positions);
            perform esdb._import_continue('{}');
            exit check_and_write;
        exception
            when unique_violation then
                if _is_checked then
                    raise;
                end if;
                -- an id is given already: look which
                event_count := 0;
                min_position := null;
                max_position := null;
                _is_checked := true;
        end;
    end loop;
end
$function$;

comment on function esdb._import_batch(bigint, boolean, boolean) is
    'Writes the staged batch of an import, but for what is there already or does not fit. Errors: 40001, SE012, SE013.';

revoke all on function esdb._import_batch(bigint, boolean, boolean) from public;
