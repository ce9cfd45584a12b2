-- One table of settings, each with its type, its default, its bounds and its meaning. A null value means the default.
create table esdb.settings (
    name text collate "C" primary key,
    value text,
    value_type text not null
        constraint settings_value_type_known check (value_type in ('integer', 'interval')),
    default_value text not null,
    minimum text not null,
    maximum text not null,
    meaning text not null,
    constraint settings_value_in_bounds check (
        case
            when value_type = 'interval' then
                coalesce(value, default_value)::interval between minimum::interval and maximum::interval
            when coalesce(value, default_value) ~ '^[0-9]{1,9}$' then
                coalesce(value, default_value)::integer between minimum::integer and maximum::integer
            else false
        end
    )
);
comment on table esdb.settings is
    'The store''s settings; listed by esdb.list_settings(), changed by esdb.set_setting(), read through esdb._setting().';
comment on column esdb.settings.value is 'The installation''s own value; null means the default.';

insert into esdb.settings (name, value_type, default_value, minimum, maximum, meaning)
values
    ('snapshot_threshold', 'integer', '100', '1', '1000000',
        'events after the newest snapshot from which on a new one is due'),
    ('snapshots_kept', 'integer', '5', '1', '1000000', 'newest snapshots of each aggregate that cleanup never removes'),
    ('snapshot_retention', 'interval', '30 days', '0', '1000 years', 'age below which cleanup removes no snapshot'),
    ('partitions_ahead', 'integer', '3', '0', '120', 'months ahead of the clock for which partitions are made'),
    ('seal_after', 'interval', '1 day', '0', '1000 years', 'how long after its end a partition is left open before it is sealed'),
    ('idempotency_retention', 'interval', '7 days', '0', '1000 years', 'how long ids and idempotency keys are recognised'),
    ('max_payload_bytes', 'integer', '1048576', '2000', '268435455', 'largest payload in bytes of its JSON text');
