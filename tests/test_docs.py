"""The generated pages and modules are those that the store would generate now."""

import re

import psycopg
import pytest

from tests import markdown
from tools import generate_docs, generate_exceptions


@pytest.mark.parametrize("name", ["sql.md", "errors.md", "settings.md", "cli.md"])
def test_reference_page_is_fresh(pages: dict[str, str], name: str) -> None:
    assert (generate_docs.REFERENCE / name).read_text() == pages[name], "run `make docs`"


def test_the_pages_are_those_that_are_checked(pages: dict[str, str]) -> None:
    assert sorted(pages) == ["cli.md", "errors.md", "settings.md", "sql.md"]
    assert all(text for text in pages.values())


def test_the_sql_page_has_every_public_object(db_url: str, pages: dict[str, str]) -> None:
    with psycopg.connect(db_url) as connection:
        names = connection.execute("""
            select p.proname from pg_proc as p
            where p.pronamespace = 'esdb'::regnamespace and p.prokind = 'f' and p.proname !~ '^_'
            union
            select c.relname from pg_class as c
            where c.relnamespace = 'esdb'::regnamespace and c.relkind in ('v', 'm', 'c', 'r', 'p')
                and not c.relispartition and c.relname !~ '^_'
        """).fetchall()
    assert sorted(re.findall(r"^### (.*)$", pages["sql.md"], re.MULTILINE)) == sorted(name for (name,) in names)


def test_the_links_between_the_pages_lead_somewhere(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        for link in markdown.links_of(text):
            target, _, anchor = link.partition("#")
            assert anchor in markdown.headings_of(pages[target or name]), (name, link)


def test_a_setting_names_who_reads_it(pages: dict[str, str]) -> None:
    sections = dict(section.split("\n", 1) for section in pages["settings.md"].split("\n## ")[1:])
    assert "| interval | 7 days | 0 | 1000 years |" in sections["idempotency_retention"]
    assert "[`esdb.append_event`](sql.md#append_event)" in sections["idempotency_retention"]
    assert "`esdb partitions archive`" in sections["idempotency_retention"]
    assert "load_aggregate" not in sections["idempotency_retention"], "a hint that names a function is no call"
    readers = (
        "Read by `esdb snapshots`, [`esdb.snapshot_statistics`](sql.md#snapshot_statistics), [`esdb.snapshots_due`]"
    )
    assert readers in sections["snapshot_threshold"]


def test_an_error_names_who_raises_it(pages: dict[str, str]) -> None:
    rows = {row.split(" | ")[0]: row for row in pages["errors.md"].splitlines() if row.startswith("| `SE")}
    assert "(sql.md#append_event)" in rows["| `SE004`"], "inside a range"
    assert "(sql.md#read_all)" in rows["| `SE022`"]
    assert "(sql.md#" not in rows["| `SE008`"], "a trigger's"


@pytest.fixture
def pages(db_url: str) -> dict[str, str]:
    """The pages as they would be written now."""
    return generate_docs.pages(db_url)


def test_the_exceptions_are_fresh() -> None:
    catalogue = generate_exceptions.CATALOGUE.read_text()
    assert generate_exceptions.TARGET.read_text() == generate_exceptions.generate(catalogue), "run `make docs`"


def test_a_catalogue_without_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        generate_exceptions.generate("select 1")
