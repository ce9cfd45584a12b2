"""The story that `esdb demo` tells: texts, and the SQL and commands that it shows and runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString


@dataclass(frozen=True)
class Sql:
    """A statement; `fails` when the point of it is the error that it raises."""

    text: LiteralString
    fails: bool = False


@dataclass(frozen=True)
class Command:
    """A command line of esdb; of an output longer than `longest` lines the middle is left out."""

    text: str
    longest: int = 40


@dataclass(frozen=True)
class Scene:
    """A title, what is to be seen, and the steps."""

    title: str
    text: str
    steps: tuple[Sql | Command, ...]


STORY: Final = (
    Scene(
        "An empty database becomes a store",
        "One command makes the schema esdb, its functions, and the first partitions. Run again, it does nothing.",
        (Command("esdb migrate", longest=6), Command("esdb migrate")),
    ),
    Scene(
        "A bookmark is added",
        "An application appends an event by calling a function, from any language. The stream bookmark-1 is new:"
        " expected_version 0 says so. Context b is the bookmarks'. The answer tells the event's id, its version in"
        " the stream, and its position in the whole store.",
        (
            Sql("""\
select * from esdb.append_event(
    aggregate_id     => 'bookmark-1',
    event_type       => 'BookmarkAdded',
    payload          => '{"url": "https://www.postgresql.org/docs/", "title": "PostgreSQL"}',
    bounded_context  => 'b',
    group_context    => 'm',
    expected_version => 0
)"""),
        ),
    ),
    Scene(
        "A note is written, the bookmark gets a tag",
        "The note is a stream of its own, in context n. The second event of the bookmark names the version it builds"
        " on. Where a stream belongs is known after its first event and need not be said again.",
        (
            Sql("""\
select * from esdb.append_event(
    aggregate_id     => 'note-1',
    event_type       => 'NoteWritten',
    payload          => '{"text": "Read about partitions"}',
    bounded_context  => 'n',
    group_context    => 'm',
    expected_version => 0
)"""),
            Sql("""\
select * from esdb.append_event(
    aggregate_id     => 'bookmark-1',
    event_type       => 'BookmarkTagged',
    payload          => '{"tag": "databases"}',
    expected_version => 1
)"""),
        ),
    ),
    Scene(
        "Several events at once",
        "A batch is appended as a whole or not at all. The metadata of the call goes to every event.",
        (
            Sql("""\
select * from esdb.append_events(
    aggregate_id     => 'note-1',
    events           => '[
        {"event_type": "NoteEdited", "payload": {"text": "Read about partitions and indexes"}},
        {"event_type": "NotePinned", "payload": {}}
    ]',
    expected_version => 1,
    metadata         => '{"correlation_id": "request-7"}'
)"""),
        ),
    ),
    Scene(
        "Two people change the same bookmark",
        "Someone else still has version 1 on the screen and renames the bookmark. The store refuses: it is at version"
        " 2 by now. The whole error has a code for the program, the facts, and what to do next.",
        (
            Sql(
                """\
select * from esdb.append_event(
    aggregate_id     => 'bookmark-1',
    event_type       => 'BookmarkRenamed',
    payload          => '{"title": "The manual"}',
    expected_version => 1
)""",
                fails=True,
            ),
        ),
    ),
    Scene(
        "A call is repeated",
        "An answer can get lost on the way, and then the application calls again. With an idempotency_key (or an id"
        " of its own) the second call writes nothing and gets the first answer.",
        (
            Sql("""\
select * from esdb.append_event(
    aggregate_id    => 'bookmark-1',
    event_type      => 'BookmarkRenamed',
    payload         => '{"title": "The manual"}',
    idempotency_key => 'rename-42'
)"""),
            Sql("""\
select * from esdb.append_event(
    aggregate_id    => 'bookmark-1',
    event_type      => 'BookmarkRenamed',
    payload         => '{"title": "The manual"}',
    idempotency_key => 'rename-42'
)"""),
        ),
    ),
    Scene(
        "Reading a stream",
        "These are the events of one bookmark. An application replays them to know its state.",
        (Sql("select version, event_type, payload from esdb.read_stream('bookmark-1')"),),
    ),
    Scene(
        "Reading everything in order",
        "A consumer reads all streams in one order and remembers the last position it handled. Events that another"
        " transaction has not committed yet are never skipped: the page ends before them.",
        (
            Sql("select position, aggregate_id, version, event_type from esdb.read_all()"),
            Sql("select position, aggregate_id, version, event_type from esdb.read_all(after_position => 5)"),
        ),
    ),
    Scene(
        "Reading some of it",
        "Filters choose by context and by type of event. The order stays the same.",
        (
            Sql("""\
select position, aggregate_id, event_type, payload
from esdb.read_all(bounded_contexts => '{n}')"""),
            Sql("""\
select position, aggregate_id, event_type, payload
from esdb.read_all(event_types => '{BookmarkTagged,NotePinned}')"""),
        ),
    ),
    Scene(
        "The same from the shell",
        "The command calls the same functions. It is meant for people and scripts.",
        (
            Command("""esdb append note-1 NoteEdited '{"text": "Read about indexes"}' --expected-version 3"""),
            Command("esdb read note-1 --from 3"),
        ),
    ),
    Scene(
        "Two streams in one call",
        "The note is linked to the bookmark, and both must know. Both streams get their events or neither does; each"
        " has the version that the caller expects. The order of the call does not matter: it never deadlocks.",
        (
            Sql("""\
select aggregate_id, version, position
from esdb.append_to_streams('[
    {"aggregate_id": "note-1", "expected_version": 4,
     "events": [{"event_type": "NoteLinked", "payload": {"to": "bookmark-1"}}]},
    {"aggregate_id": "bookmark-1", "expected_version": 3,
     "events": [{"event_type": "BookmarkLinked", "payload": {"from": "note-1"}}]}
]')"""),
        ),
    ),
    Scene(
        "A snapshot spares replaying",
        "The application saves what the first three events of the bookmark amount to. From then on, one call loads"
        " that and the events after it.",
        (
            Sql("""\
select esdb.save_snapshot(
    aggregate_id => 'bookmark-1',
    version      => 3,
    state        => '{"title": "The manual", "tags": ["databases"]}'
)"""),
            Sql("""\
select version, snapshot_version, snapshot_state, jsonb_path_query_array(events, '$[*].event_type') as events_after
from esdb.load_aggregate('bookmark-1')"""),
        ),
    ),
    Scene(
        "A stream is deleted, and restored",
        "Deleting hides a stream and appends an event that says so. Nothing is removed.",
        (
            Sql("select version from esdb.delete_stream('note-1')"),
            Sql("select count(*) from esdb.read_stream('note-1')"),
            Sql("select version from esdb.restore_stream('note-1')"),
            Sql("select version, event_type from esdb.read_stream('note-1', from_version => 5)"),
        ),
    ),
    Scene(
        "How many events there are",
        "Counts come from a view that a scheduled job brings up to date, so that nobody has to count.",
        (
            Command("esdb refresh-stats"),
            Sql("""\
select bounded_context, group_context, event_type, event_count
from esdb.event_statistics
order by bounded_context, event_type"""),
        ),
    ),
    Scene(
        "Where the events are",
        "Each context has one partition a month, and an overflow behind the last one, in case nobody makes new"
        " months. A scheduled job runs create-next; today nothing is due. What is over is sealed later, and archived if"
        " you like.",
        (
            Command("esdb partitions list --context b"),
            Command("esdb partitions create-next"),
            Command("esdb partitions status"),
        ),
    ),
    Scene(
        "Events do not change",
        "Not even for the owner of the tables, who runs this demo.",
        (
            Sql("update esdb.events set payload = '{}' where aggregate_id = 'bookmark-1'", fails=True),
            Command("esdb verify"),
        ),
    ),
)

FAREWELL: Final = """\
The temporary server is gone, and everything in it. With a PostgreSQL of your own (15 or newer):

    export ESDB_DATABASE_URL=postgresql://user@host/database
    esdb migrate

or, with a server of your own that is kept in ./.esdb:

    esdb --local migrate

docs/tutorial.md goes on from here, with a first application."""
