"""A store that is examined by a role which is no superuser, and mended as its findings say."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.databases import run_esdb
from tests.feed_clock import Clock
from tests.feed_support import until
from tests.fixtures import Connect, Connection

EXAMINER = "esdb_test_examiner"
Finding = dict[str, Any]


class Patient:
    """A store, looked at by a member of esdb_maintainer and pg_read_all_stats, and mended by a superuser."""

    def __init__(self, url: str, *, examiner: str = EXAMINER, env: dict[str, str] | None = None) -> None:
        self.url = url
        self._examiner = examiner
        self._env = env or {}
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute("select from pg_roles where rolname = %s", (EXAMINER,)).fetchone() is None:
                connection.execute(f"create role {EXAMINER} login")
                connection.execute(f"grant esdb_maintainer, pg_read_all_stats to {EXAMINER}")

    def findings(self, name: str) -> list[Finding]:
        """Give the findings of one kind."""
        with self._connection(user=self._examiner) as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("select * from esdb.findings").fetchall()
        broken = [finding["fact"] for finding in found if finding["finding"] == "check_failed"]
        assert name == "check_failed" or broken == [], broken
        return [finding for finding in found if finding["finding"] == name]

    def found(self, name: str, subject: str) -> Finding | None:
        """Give a finding by what it is about, if there is one."""
        found = [finding for finding in self.findings(name) if finding["subject"] == subject]
        assert len(found) <= 1
        return found[0] if found else None

    def has(self, name: str, subject: str, severity: str) -> Finding:
        """Wait for a finding, because statistics come late, and give it."""
        finding = until(lambda: self.found(name, subject), f"{name} of {subject}")
        assert finding is not None
        assert finding["severity"] == severity
        assert all(finding[part] for part in ("fact", "why", "mend", "mend_by"))
        return finding

    def mended(self, name: str, subject: str, severity: str) -> Finding:
        """Have a finding whose mend makes it go."""
        finding = self.has(name, subject, severity)
        self.mend(finding)
        self.is_well(name, subject)
        return finding

    def is_well(self, name: str, subject: str) -> None:
        """Wait until a finding is gone."""
        until(lambda: self.found(name, subject) is None, f"the end of {name} of {subject}")

    def mend(self, finding: Finding, **filled_in: str) -> None:
        """Do what a finding says, line by line; what has to be filled in is given."""
        lines = finding["mend"].split("\n")
        if finding["mend_by"] == "hand":
            assert filled_in, "a person has to do this"
        for placeholder, text in filled_in.items():
            lines = [line.replace(placeholder, text) for line in lines]
        if lines[0].startswith("esdb "):
            assert finding["mend_by"] in {"shell", "hand"}
            for line in lines:
                result = run_esdb(*shlex.split(line, comments=True)[1:], url=self.url, env=self._env)
                assert result.returncode == 0, result.stderr
            return
        assert finding["mend_by"] in {"sql", "hand"}
        with self._connection() as connection:
            for line in lines:
                if not line.startswith("--"):
                    connection.execute(line.encode())

    def _connection(self, **parameters: str) -> Connection:
        if "PGOPTIONS" in self._env:
            parameters["options"] = self._env["PGOPTIONS"]
        return psycopg.connect(psycopg.conninfo.make_conninfo(self.url, **parameters), autocommit=True)


def later(patient: Patient, connect: Connect, **delta: float) -> Patient:
    """Examine a store at a later time."""
    return Patient(patient.url, env=Clock(connect).environment(datetime.now(UTC) + timedelta(**delta)))


def new_role(connection: Connection, name: str, *groups: str) -> None:
    """Make a role that logs in, a member of some groups."""
    connection.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    for group in groups:
        connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(name)))
