"""The generated pages and modules are those that the store would generate now."""

import pytest

from tools import generate_docs, generate_exceptions


@pytest.mark.parametrize("name", ["sql.md", "errors.md", "cli.md"])
def test_reference_page_is_fresh(pages: dict[str, str], name: str) -> None:
    assert (generate_docs.REFERENCE / name).read_text() == pages[name], "run `make docs`"


def test_the_pages_are_those_that_are_checked(pages: dict[str, str]) -> None:
    assert sorted(pages) == ["cli.md", "errors.md", "sql.md"]
    assert all(text for text in pages.values())


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
