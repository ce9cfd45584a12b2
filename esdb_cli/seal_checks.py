"""What `esdb verify --events` asks of sealed partitions: their digests anew, page by page, and the chain over all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from esdb_cli.digest import PAGE, TableDigest
from esdb_cli.verification import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from esdb_cli.data_checks import Found
    from esdb_cli.db import Row

_LEAVES: Final[LiteralString] = "esdb_meta.sealed_leaves()"
_FAULTS: Final[LiteralString] = "esdb_meta.sealed_leaf_faults(%s, %s, %s, %s)"


class SealChecks:
    """The checks of what is sealed. No transaction outlives one of their statements, each of which reads a page."""

    def __init__(self, connection: psycopg.Connection[Any], found: Found, expected_digest: bytes | None = None) -> None:
        """Ask for the leaves to read; expected_digest: one that must be in the chain."""
        self._connection = connection
        self._found = found
        self._expected_digest = expected_digest
        self._leaves = ask(connection, _LEAVES)
        self.size = sum(leaf.get("event_count", 0) for leaf in self._leaves) + 1

    def run(self) -> Iterator[int]:
        """Make the checks one by one, and yield after each how much of `size` it was."""
        for leaf in self._leaves:
            if "leaf" not in leaf:  # the list itself could not be had
                self._found.add([leaf])
                continue
            yield from self._compare(leaf)
        self._found.add(ask(self._connection, "esdb_meta.seal_faults(%s)", (self._expected_digest,)))
        yield 1

    def _compare(self, leaf: Row, tries: int = 10) -> Iterator[int]:
        """Read a leaf and compare it with its seal.

        One unsealed or archived meanwhile is not where it was, and that is no fault; one restored by now is read anew.
        """
        from esdb_cli.exceptions import InvalidArgument

        found: list[Row] = []
        is_gone = False
        try:
            digest = TableDigest(leaf["leaf"])
            while not digest.is_complete:
                (page,) = ask(self._connection, PAGE, digest.arguments)
                if "digest" not in page:  # it could not be read
                    found = [page]
                    break
                yield digest.add(page)
            else:
                found = ask(self._connection, _FAULTS, (leaf["leaf"], leaf["number"], digest.value, digest.event_count))
        except InvalidArgument as error:  # there is no such leaf
            found = [{"kind": "seal", "name": f"number {leaf['number']}", "fault": error.diag.message_detail}]
            is_gone = True
        if not found:
            return
        listed = ask(self._connection, _LEAVES)
        same = [{**leaf, **now} for now in listed if now.get("number", leaf["number"]) == leaf["number"]]
        if same and tries and (is_gone or same[0]["leaf"] != leaf["leaf"]):
            yield from self._compare(same[0], tries - 1)
        elif same:
            self._found.add(found)
