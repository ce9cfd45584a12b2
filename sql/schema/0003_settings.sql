-- One table of settings, each with its type, its default and its meaning. A null value means the default.
create table esdb.settings (
    name text collate "C" primary key,
    value text,
    value_type text not null
        constraint settings_value_type_known check (value_type in ('integer', 'interval')),
    default_value text not null,
    meaning text not null,
    constraint settings_value_has_its_type check (
        case value_type
            when 'integer' then coalesce(value, default_value) ~ '^[0-9]{1,9}$'
            else coalesce(value, default_value)::interval >= interval '0'
        end
    )
);
comment on table esdb.settings is 'The store''s settings; read through esdb._setting().';

insert into esdb.settings (name, value_type, default_value, meaning)
values
    ('snapshot_threshold', 'integer', '100', 'events after the newest snapshot from which on a new one is due'),
    ('snapshots_kept', 'integer', '5', 'newest snapshots of each aggregate that cleanup never removes'),
    ('snapshot_retention', 'interval', '30 days', 'age below which cleanup removes no snapshot'),
    ('partitions_ahead', 'integer', '3', 'months ahead of the clock for which partitions are made'),
    ('idempotency_retention', 'interval', '7 days', 'how long ids and idempotency keys are recognised'),
    ('max_payload_bytes', 'integer', '1048576', 'largest payload in bytes of its JSON text; checked from 2,000 bytes on');
