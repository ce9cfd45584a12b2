-- What `esdb migrate` must know before it creates anything: one row of facts, read from the catalogs alone.
select
    current_user::text as role,
    pg_catalog.current_database()::text as database,
    pg_catalog.current_setting('server_version_num')::integer as server_version_num,
    pg_catalog.pg_is_in_recovery() as in_recovery,
    pg_catalog.current_setting('transaction_read_only') operator(pg_catalog.=) 'on' as read_only,
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as can_create_schemas,
    (
        select r.rolsuper or r.rolcreaterole
        from pg_catalog.pg_roles r
        where r.rolname operator(pg_catalog.=) current_user
    ) as can_create_roles,
    array(
        select wanted.name
        from pg_catalog.unnest(array['esdb_reader', 'esdb_writer', 'esdb_consumer', 'esdb_maintainer']) as wanted (name)
        where pg_catalog.to_regrole(wanted.name) is null
    ) as missing_roles,
    (
        select pg_catalog.pg_get_userbyid(n.nspowner)::text
        from pg_catalog.pg_namespace n
        where n.nspname operator(pg_catalog.=) 'esdb'
    ) as store_owner,
    (
        select pg_catalog.pg_get_userbyid(n.nspowner)::text
        from pg_catalog.pg_namespace n
        where n.nspname operator(pg_catalog.=) 'esdb_meta'
    ) as ledger_owner,
    pg_catalog.to_regclass('esdb_meta.checksums') is not null as has_ledger
