-- A view that is made again from what the server writes of it reads the same: else esdb verify would find it altered after
-- a dump was restored.
select plan(1);

create function pg_temp.made_again(view oid)
returns text
language plpgsql
as $$
declare
    _definition text;
begin
    execute format('create view esdb.made_again as %s', pg_get_viewdef(view));
    _definition := pg_get_viewdef('esdb.made_again'::regclass);
    drop view esdb.made_again;
    return _definition;
end
$$;

select is_empty(
    $$select c.oid::regclass from pg_class as c
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and c.relkind in ('v', 'm')
        and pg_get_viewdef(c.oid) <> pg_temp.made_again(c.oid)$$,
    'every view reads the same when it is made again'
);

select * from finish();
