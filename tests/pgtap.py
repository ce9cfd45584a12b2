"""Collects sql/tests/**/*.sql as tests: one item a file, run in a fresh database with the store and pgTAP in it.

A file's statements go to the server one by one over the simple protocol, as psql sends them, so it may begin, commit
and roll back as it likes, and runs under pg_prove just so. It fails when an assertion does, when a statement does, when
the number of assertions is not the planned one, and when there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.pq import DiagnosticField, ExecStatus

from tests.fixtures import databases_of
from tests.tools import SHARED_SQL

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_PLAN = re.compile(r"1\.\.(\d+)(?:\s*#\s*SKIP\b\s*(.*))?$", re.IGNORECASE)
_ASSERTION = re.compile(
    r"(?P<bad>not )?ok\b\s*\d*\s*(?:- )?(?P<description>.*?)(?:\s*#\s*(?P<directive>TODO|SKIP)\b\s*(?P<reason>.*))?$",
    re.IGNORECASE,
)


# What a semicolon may stand in without ending a statement, else the semicolon.
_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*\"|(?<!\w)(\$\w*\$).*?\1|;""",
    re.DOTALL,
)


@dataclass
class Assertion:
    """One `ok` or `not ok` line with the diagnostics that follow it."""

    passed: bool
    description: str
    directive: str = ""
    diagnostics: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure: what is still to be done does not."""
        return not self.passed and self.directive != "TODO"


@dataclass
class Report:
    """What a file printed."""

    plan: int | None = None
    skip_all: str | None = None
    assertions: list[Assertion] = field(default_factory=list)


class TapError(Exception):
    """A file failed; the message lists why."""


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Collect the .sql files of a folder named sql/tests."""
    if (
        file_path.suffix == ".sql"
        and file_path not in SHARED_SQL
        and ("sql", "tests") in zip(file_path.parts, file_path.parts[1:], strict=False)
    ):
        return TapFile.from_parent(parent, path=file_path)
    return None


class TapFile(pytest.File):
    """A file of pgTAP assertions."""

    def collect(self) -> Iterable[TapItem]:
        """Give the file's only item."""
        yield TapItem.from_parent(self, name=self.path.stem)


class TapItem(pytest.Item):
    """The run of a file."""

    def runtest(self) -> None:
        """Run the file and judge what it printed."""
        databases = databases_of(self.config)
        url = databases.with_pgtap()
        source = self.path.read_text()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                lines, error = run_script(connection.pgconn, source, self.path.name)
        finally:
            databases.drop(url)
        report = parse(lines)
        failures = [*failed_assertions(report), *plan_failures(report, error)]
        if failures:
            raise TapError("\n".join(failures))
        if report.skip_all is not None:
            pytest.skip(report.skip_all or "the file skips itself")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002
        """Show the failures alone, without the Python that found them."""
        if isinstance(excinfo.value, TapError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the test by its path."""
        return self.path, 0, self.name


def split(source: str) -> Iterator[tuple[int, str]]:
    """Split a script into statements, each with the number of the line on which it begins."""
    start = 0
    for token in _TOKEN.finditer(source):
        if token[0] == ";":
            yield from _statement(source, start, token.end())
            start = token.end()
    yield from _statement(source, start, len(source))


def _statement(source: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    text = source[start:end]
    blank = len(text) - len(text.lstrip())
    if text.strip():
        yield source.count("\n", 0, start + blank) + 1, text.strip()


def run_script(connection: PGconn, source: str, name: str) -> tuple[list[str], str | None]:
    """Run a script up to its first error; give the lines of all result rows and the error's description."""
    lines: list[str] = []
    for line, statement in split(source):
        rows, error = _run_statement(connection, statement)
        lines += rows
        if error is not None:
            return lines, f"{name}:{_error_line(error, line, statement)}: {_describe(error)}"
    return lines, None


def _run_statement(connection: PGconn, statement: str) -> tuple[list[str], PGresult | None]:
    connection.send_query(statement.encode())
    lines: list[str] = []
    error = None
    while (result := connection.get_result()) is not None:
        if result.status == ExecStatus.TUPLES_OK and result.nfields:
            values = (result.get_value(row, 0) for row in range(result.ntuples))
            lines += [line for value in values if value is not None for line in value.decode().split("\n")]
        elif result.status == ExecStatus.FATAL_ERROR:
            error = result
        elif result.status in {ExecStatus.COPY_IN, ExecStatus.COPY_OUT}:
            raise TapError("COPY from or to the client needs psql: use another statement")
    return lines, error


def parse(lines: Iterable[str]) -> Report:
    """Read lines of the Test Anything Protocol; what is none of its lines is passed over."""
    report = Report()
    for line in lines:
        if match := _PLAN.match(line):
            report.plan, report.skip_all = int(match[1]), match[2]
        elif match := _ASSERTION.match(line):
            directive = (match["directive"] or "").upper()
            report.assertions.append(Assertion(not match["bad"], match["description"], directive))
        elif line.startswith("#") and report.assertions:
            report.assertions[-1].diagnostics.append(line)
    return report


def failed_assertions(report: Report) -> list[str]:
    """Describe each failed assertion with its diagnostics."""
    return [
        "\n  ".join([f"not ok - {assertion.description}", *assertion.diagnostics])
        for assertion in report.assertions
        if assertion.failed
    ]


def plan_failures(report: Report, error: str | None) -> list[str]:
    """Describe what is wrong with the run as a whole: an error, no plan, another number than planned, nothing."""
    ran = len(report.assertions)
    if error is not None:
        return [f"SQL error after {ran} assertions at {error}"]
    if report.plan is None:
        return ["no plan was printed: begin with `select plan(n);` and end with `select * from finish();`"]
    if report.plan != ran:
        return [f"planned {report.plan} assertions but ran {ran}"]
    if ran == 0 and report.skip_all is None:
        return ["the file asserts nothing"]
    return []


def _error_line(error: PGresult, first_line: int, statement: str) -> int:
    position = error.error_field(DiagnosticField.STATEMENT_POSITION)
    return first_line + (statement.count("\n", 0, int(position) - 1) if position is not None else 0)


def _describe(error: PGresult) -> str:
    code = error.error_field(DiagnosticField.SQLSTATE) or b""
    return f"{code.decode()} {error.error_message.decode(errors='replace').strip()}"
