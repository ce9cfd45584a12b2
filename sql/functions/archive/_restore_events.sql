-- Puts lines of an archive, with newlines between them, into the table that a restore is making; gives how many. JSON has
-- no newline inside a line, and the numbers of a payload stay exact: they are read from the text. Locks the table in
-- ROW EXCLUSIVE, and its row of esdb.archives, until the transaction ends. Errors: 55000 (the table is none that a
-- restore is making), and PostgreSQL's own for a line that is no event of the partition.
create or replace function esdb._restore_events(
    partition text,
    lines text
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
as $function$
#variable_conflict use_column
declare
    _count bigint;
begin
    perform
    from esdb.archives as a
    where a.partition = _restore_events.partition
        and a.state = 'archived'
        and not a.keeps_table
        and not exists (
            select from pg_inherits as tree where tree.inhrelid = to_regclass(format('esdb.%I', a.partition))
        )
    for share of a;
    if not found then
        raise exception 'the partition is not being restored'
            using errcode = '55000',
                  detail = format('esdb.%I', partition),
                  hint = 'Run `esdb partitions restore` again.';
    end if;
    execute format(
        'insert into esdb.%I select e.* from string_to_table($1, $2) as given (line)'
        ' cross join lateral json_populate_record(null::esdb.events, given.line::json) as e',
        partition)
        using lines, chr(10);
    get diagnostics _count = row_count;
    return _count;
end
$function$;

comment on function esdb._restore_events(text, text) is
    'Puts an archive''s lines into the table that a restore is making, and gives how many; 55000 for any other table.';

revoke all on function esdb._restore_events(text, text) from public;
