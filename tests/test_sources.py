"""Rules of the sources that no program for lint knows."""

import re
from pathlib import Path

import pytest

from tests.tools import ROOT

LONGEST_FILE = 400
FUNCTION_FOLDERS = ("sql/functions", "sql/partitions", "sql/views")

_CREATE = re.compile(
    r"^create (?:or replace )?(?:materialized )?(?P<kind>function|procedure|view)\s+"
    r"(?:if not exists )?esdb(?:_meta)?\.(?P<name>\w+)",
    re.MULTILINE,
)


def _files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _without_comments(source: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", source, flags=re.DOTALL)


def _shipped_sql() -> list[Path]:
    return [path for path in _files("sql/**/*.sql", "templates/**/*.j2") if not _name(path).startswith("sql/tests/")]


OBJECT_FILES = _files(*(f"{folder}/**/*.sql" for folder in FUNCTION_FOLDERS))


def _last_value_is_selected(source: str) -> bool:
    return re.search(r"(?<!pg_sequence_)\blast_value\b", _without_comments(source), re.IGNORECASE) is not None


def _has_escapes(source: str) -> bool:
    literals = re.findall(r"(\b(?:e|u&))?'(?:[^']|'')*'", _without_comments(source), re.IGNORECASE)
    return "\\" in source or any(literals)


@pytest.mark.parametrize(
    "source",
    ["select last_value from esdb.event_position", "SELECT s.LAST_VALUE FROM esdb.event_position AS s"],
)
def test_the_search_for_last_value_finds_it(source: str) -> None:
    assert _last_value_is_selected(source)
    assert not _last_value_is_selected(f"-- never: {source}")
    assert not _last_value_is_selected("select pg_catalog.pg_sequence_last_value('s'::regclass)")


@pytest.mark.parametrize(
    "path",
    _shipped_sql() + _files("esdb_cli/**/*.py", "benchmarks/**/*.py", "benchmarks/**/*.sql"),
    ids=_name,
)
def test_nobody_selects_last_value_from_a_sequence(path: Path) -> None:
    # A plain select can see a value up to 32 too high while nextval logs; pg_sequence_last_value cannot.
    assert not _last_value_is_selected(path.read_text())


@pytest.mark.parametrize("path", OBJECT_FILES, ids=_name)
def test_a_file_makes_one_object_and_is_named_as_it(path: Path) -> None:
    assert [match["name"] for match in _CREATE.finditer(path.read_text())] == [path.stem]


@pytest.mark.parametrize("path", OBJECT_FILES, ids=_name)
def test_an_object_is_commented(path: Path) -> None:
    source = path.read_text()
    match = _CREATE.search(source)
    assert match is not None
    assert re.search(
        rf"^comment on (materialized )?{match['kind']}\s+esdb(_meta)?\.{path.stem}\b", source, re.MULTILINE
    )


@pytest.mark.parametrize("path", OBJECT_FILES, ids=_name)
def test_a_function_file_opens_with_its_contract(path: Path) -> None:
    assert path.read_text().startswith("--")


def _functions() -> list[Path]:
    return [path for path in OBJECT_FILES if re.search(r"^create or replace function", path.read_text(), re.MULTILINE)]


@pytest.mark.parametrize("path", _functions(), ids=_name)
def test_a_security_definer_pins_its_search_path(path: Path) -> None:
    header = path.read_text().partition("\nas $")[0]
    if "security definer" in header:
        assert "set search_path = pg_catalog, pg_temp" in header


@pytest.mark.parametrize("path", _functions(), ids=_name)
def test_a_function_states_volatility_and_parallel_safety_and_shuts_out_public(path: Path) -> None:
    source = path.read_text()
    header = source.partition("\nas $")[0]
    if "returns trigger" not in header:
        assert re.search(r"\b(immutable|stable|volatile)\b", header)
        assert re.search(r"\bparallel (safe|restricted|unsafe)\b", header)
    assert re.search(
        rf"^revoke all on function esdb(_meta)?\.{path.stem}\b.* from public", source, re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("path", _shipped_sql(), ids=_name)
def test_every_error_has_a_code(path: Path) -> None:
    source = _without_comments(path.read_text())
    raises = re.findall(r"\braise\s+exception\b.*?;", source, re.DOTALL | re.IGNORECASE)
    assert [text for text in raises if "errcode" not in text and "sqlstate" not in text] == []


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        (r"name like 'events\_%'", True),
        ("select e'a'", True),
        ("select E'a'", True),
        ("(U&'a')", True),
        ("select 'e', name like 'events!_%' escape '!'", False),
    ],
)
def test_the_search_for_escapes_finds_them(source: str, is_one: bool) -> None:
    assert _has_escapes(source) == is_one


@pytest.mark.parametrize("path", _shipped_sql(), ids=_name)
def test_no_sql_has_backslashes(path: Path) -> None:
    # A function's body is read with the setting standard_conforming_strings of whoever calls it.
    assert not _has_escapes(path.read_text())


@pytest.mark.parametrize(
    "path",
    _files(
        "sql/**/*.sql", "templates/**/*", "*.py", "esdb_cli/**/*.py", "tests/**/*.py", "tools/*", "benchmarks/**/*.py"
    ),
    ids=_name,
)
def test_no_file_is_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) < LONGEST_FILE
