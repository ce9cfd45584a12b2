-- The last step of a batch, in its turn: moves the rows and months of the streams that go on in it. Each has to stand
-- just before its first event here, and its last event must have a lower position: the row is the one that _import_stand()
-- marked, or a transaction of earlier, those of batches that drew their positions before this one, wrote it.
-- Locks the rows of the streams until the transaction ends; the caller commits at once. The settings: as in
-- _import_stand(). Errors: 40001 when a stream stands elsewhere.
create or replace function esdb._import_continue(
    earlier xid[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $function$
declare
    _wanted bigint := (select count(*) from pg_temp.esdb_import_heads as h where h.version_before > 0);
    _moved bigint;
begin
    perform esdb._import_attach_heads(array(
        select h.aggregate_id from pg_temp.esdb_import_heads as h where h.version_before > 0))
    where exists (select from esdb.detached_heads);
    -- only for batches in which a month begins; a stream's own first month is not among its months
    if exists (select from pg_temp.esdb_import_heads as h where h.month_version is not null) then
        insert into esdb.stream_months (aggregate_id, month, first_version)
        select m.aggregate_id, m.month, m.first_version
        from (
            select
                e.aggregate_id,
                esdb._utc_month(e.timestamp) as month,
                min(e.version) as first_version,
                row_number() over (partition by e.aggregate_id order by esdb._utc_month(e.timestamp)) as place
            from pg_temp.esdb_import_steps as e
            group by 1, 2
        ) as m
        where m.place > 1;

        insert into esdb.stream_months (aggregate_id, month, first_version)
        select h.aggregate_id, esdb._utc_month(h.created_at), h.version_before + 1
        from pg_temp.esdb_import_heads as h
        join esdb.streams as s on s.aggregate_id = h.aggregate_id
        where h.month_version is not null
            and h.version_before > 0
            and esdb._utc_month(h.created_at) > esdb._utc_month(s.updated_at);
    end if;

    with moved as (
        update esdb.streams as s
        set version = h.version,
            month_version = coalesce(
                h.month_version,
                case when esdb._utc_month(h.created_at) > esdb._utc_month(s.updated_at) then h.version_before + 1 end,
                s.month_version),
            updated_at = h.updated_at,
            deleted_at = h.deleted_at
        from pg_temp.esdb_import_heads as h
        where s.aggregate_id = h.aggregate_id
            and h.version_before > 0
            and s.version = h.version_before
            and s.aggregate_type = h.aggregate_type
            and s.bounded_context = h.bounded_context
            and s.updated_at <= h.created_at
            and (h.stands or s.xmin = any (earlier))
        returning
            h.aggregate_id,
            h.created_at,
            s.month_version,
            h.month_version is null and s.month_version = h.version_before + 1 as enters_month
    ),
    entered as (
        insert into esdb.stream_months (aggregate_id, month, first_version)
        select m.aggregate_id, esdb._utc_month(m.created_at), m.month_version
        from moved as m
        where m.enters_month
    )
    select count(*) into _moved from moved;
    if _moved <> _wanted then
        raise exception 'a stream of the import does not stand where the batch goes on'
            using errcode = 'serialization_failure',
                  detail = format('%s of %s streams', _wanted - _moved, _wanted),
                  hint = 'Try again.';
    end if;
end
$function$;

comment on function esdb._import_continue(xid[]) is
    'Moves the rows of the streams that go on in the staged batch of an import. Errors: 40001.';

revoke all on function esdb._import_continue(xid[]) from public;
