-- What the installation has chosen of the indexes that not every store needs: esdb._optional_indexes() lists them all.
create table esdb.optional_indexes (
    name text collate "C" primary key,
    wanted boolean not null,
    ready boolean not null,
    constraint optional_indexes_ready_is_wanted check (wanted or not ready)
);
comment on table esdb.optional_indexes is
    'The optional indexes that were ever enabled; written by `esdb indexes`, no row: not enabled.';
comment on column esdb.optional_indexes.wanted is 'New partitions get it.';
comment on column esdb.optional_indexes.ready is 'Every table that it belongs on has it, so readers may count on it.';
