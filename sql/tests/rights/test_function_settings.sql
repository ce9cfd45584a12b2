-- Every function pins its search_path or is parsed when it is created; every object is commented.
select plan(10);

select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and p.prosecdef
        and not exists (select from unnest(p.proconfig) as s (setting) where s.setting like 'search\_path=%')$$,
    'every SECURITY DEFINER function pins its search_path'
);
-- unless pg_temp stands last in it, a caller's temporary tables and types come before pg_catalog's
select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and p.proconfig is not null
        and not exists (
            select from unnest(p.proconfig) as s (setting)
            where s.setting ~ '^search_path="?pg_catalog"?, ?"?pg_temp"?$')$$,
    'a pinned search_path is pg_catalog, pg_temp'
);
-- error_codes() is a list of constants and looks nothing up
select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
        and p.proconfig is null and p.prosqlbody is null and p.proname <> 'error_codes'$$,
    'a function that pins none is parsed when it is created'
);
select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace = 'esdb'::regnamespace and p.proname !~ '^_' and p.proname <> 'error_codes' and not p.prosecdef$$,
    'every public function is SECURITY DEFINER: its caller has no right to tables'
);
select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace = 'esdb'::regnamespace and p.proisstrict$$,
    'none is STRICT: a null argument is an error, not a null result'
);
select is_empty(
    $$select p.oid::regprocedure, p.provolatile
    from pg_proc as p
    where p.pronamespace = 'esdb'::regnamespace
        and p.proname in ('append_event', 'append_events', 'read_all', 'high_water_mark', 'new_ulid', 'refresh_event_statistics',
            'save_snapshot', 'cleanup_old_snapshots', '_cleanup_snapshots', 'set_setting')
        and p.provolatile <> 'v'$$,
    'what writes, or reads the mark, is VOLATILE'
);
select is(
    (select count(*) from pg_proc as p where p.pronamespace = 'esdb'::regnamespace and p.prosecdef and p.proowner <> (
        select n.nspowner from pg_namespace as n where n.nspname = 'esdb')),
    0::bigint,
    'every SECURITY DEFINER function is the schema''s owner''s'
);

select is_empty(
    $$select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
        and coalesce(length(obj_description(p.oid, 'pg_proc')), 0) < 20$$,
    'every function is commented'
);
select is_empty(
    $$select c.oid::regclass
    from pg_class as c
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'S')
        and not c.relispartition and coalesce(length(obj_description(c.oid, 'pg_class')), 0) < 20$$,
    'so is every table, view and sequence'
);
select is_empty(
    $$select y.oid::regtype
    from pg_type as y
    left join pg_class as c on c.oid = y.typrelid
    where y.typnamespace = 'esdb'::regnamespace and y.typelem = 0 and (y.typtype <> 'c' or c.relkind = 'c')
        and coalesce(length(obj_description(y.oid, 'pg_type')), 0) < 20$$,
    'so is every type'
);

select * from finish();
