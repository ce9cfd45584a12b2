-- Notes in the audit log what a run of `esdb migrate` has applied, one row a run: the versioned files that no row tells
-- of yet, which may be those of a run that was killed, and the other files of this transaction, its last. Nothing where
-- nothing was applied.
create or replace function esdb_meta.note_migration(
    package_version text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _versioned constant text[] := array(
        select c.id
        from esdb_meta.checksums as c
        where c.kind = 'versioned'
        except
        select f.id
        from esdb.audit_log as l
        cross join jsonb_array_elements_text(l.details -> 'versioned') as f (id)
        where l.action = 'migrate'
        order by 1
    );
    _repeatable constant text[] := array(
        select c.id
        from esdb_meta.checksums as c
        where c.kind = 'repeatable' and c.applied_at = now()
        order by c.id
    );
    _applied constant integer := cardinality(_versioned) + cardinality(_repeatable);
begin
    if _applied > 0 then
        perform esdb._audit(
            'migrate', package_version, jsonb_build_object('versioned', _versioned, 'repeatable', _repeatable), _applied);
    end if;
end
$function$;

comment on function esdb_meta.note_migration(text) is
    'Notes in the audit log what `esdb migrate` has applied, with the version of the package.';

revoke all on function esdb_meta.note_migration(text) from public;
