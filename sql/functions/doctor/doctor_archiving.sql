-- Whether the write-ahead log gets into an archive: without one, nothing after the last backup can be restored. Looks at the
-- settings and at what the archiver counts, locks nothing. On a standby it finds nothing: the primary archives.
create or replace function esdb_meta.doctor_archiving()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _mode constant text := current_setting('archive_mode');
    _segment constant numeric := (select s.setting::numeric from pg_settings as s where s.name = 'wal_segment_size');
    _archiver record;
    _unarchived numeric;
begin
    if pg_is_in_recovery() then
        return;
    end if;
    if _mode = 'off' then
        finding := 'no_wal_archive';
        severity := 'warning';
        subject := 'setting archive_mode';
        fact := 'archive_mode is off, and nobody receives the log in its place';
        mend := concat_ws(chr(10),
            'alter system set archive_mode = ''on'';',
            'alter system set archive_command = ''pgbackrest --stanza=STANZA archive-push %p'';',
            '-- then restart the server');
        mend_by := 'hand';
        if not exists (select from pg_stat_replication as r where r.application_name like '%receive%') then
            return next;
        end if;
        return;
    end if;

    select a.*, a.last_failed_time > coalesce(a.last_archived_time, '-infinity') as is_failing
    into _archiver
    from pg_stat_archiver as a;
    if _archiver.is_failing or current_setting('archive_command') = '' and current_setting('archive_library') = '' then
        finding := 'wal_archive_failing';
        severity := 'critical';
        subject := 'setting archive_command';
        fact := case
            when _archiver.is_failing then format('it failed for %s at %s; the last success was %s',
                _archiver.last_failed_wal, date_trunc('second', _archiver.last_failed_time),
                coalesce(date_trunc('second', _archiver.last_archived_time)::text, 'never'))
            else 'it is empty, so every segment of the log is kept and none is archived'
        end;
        mend := concat_ws(chr(10),
            '-- the server''s log tells why: look for "archive command failed"; then, for instance:',
            'alter system set archive_command = ''pgbackrest --stanza=STANZA archive-push %p'';',
            'select pg_reload_conf();');
        mend_by := 'hand';
        return next;
        return;
    end if;

    -- a file's name is its timeline and its number, in hexadecimal
    _unarchived := case
        when _archiver.last_archived_wal ~ '^[0-9A-F]{24}' then
            pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') - _segment * (
                ('x' || substr(_archiver.last_archived_wal, 9, 8))::bit(32)::bigint * (4294967296 / _segment)
                + ('x' || substr(_archiver.last_archived_wal, 17, 8))::bit(32)::bigint + 1)
        else _segment
    end;
    if coalesce(_archiver.last_archived_time, _archiver.stats_reset) + interval '1 hour' <= clock_timestamp()
        and _unarchived >= 65536
    then
        finding := 'wal_archive_late';
        severity := 'warning';
        subject := 'archive';
        fact := format('the last segment was archived at %s, and %s of the log were written since',
            coalesce(date_trunc('second', _archiver.last_archived_time)::text, 'no time'), pg_size_pretty(_unarchived));
        mend := concat_ws(chr(10),
            'alter system set archive_timeout = ''5min'';',
            'select pg_reload_conf();',
            'select pg_switch_wal();');
        mend_by := 'sql';
        return next;
    end if;
end
$function$;

comment on function esdb_meta.doctor_archiving() is
    'Findings of `esdb doctor` about archiving the write-ahead log: off, failing, late.';

revoke all on function esdb_meta.doctor_archiving() from public;
grant execute on function esdb_meta.doctor_archiving() to esdb_maintainer;
