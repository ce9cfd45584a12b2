"""The documentation as a site: built without a warning, whole, and without anything from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.databases import COMMAND_TIMEOUT
from tests.tools import ROOT
from tools.site.pages import sidebar

# What is built once is not for each worker of a parallel run to build again.
pytestmark = pytest.mark.xdist_group("site")

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""The attributes that make a browser load something, by element."""
DOCS = ROOT / "docs"


class _Page(HTMLParser):
    """What a page loads, where its links lead, and the anchors it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        elif tag in LOADED and LOADED[tag] in values:
            self.loaded.add(values[LOADED[tag]])
        elif tag == "meta" and values.get("http-equiv") == "refresh":
            self.links.add(values["content"].partition("url=")[2])


def _build(target: Path, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.site", str(target), str(source)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    target = tmp_path_factory.mktemp("site") / "site"
    result = _build(target)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    """Every page of the site by its file."""
    return {file: _Page(file) for file in site.rglob("*.html")}


def _targets(file: Path, page: _Page) -> Iterator[tuple[Path, str]]:
    """Give the files and anchors of the site that a page's links lead to."""
    for link in page.links:
        target, _, anchor = link.partition("#")
        if not re.match(r"[a-z]+:", link):
            yield (file.parent / target).resolve() if target else file, anchor


def test_nothing_comes_from_another_host(site: Path, pages: dict[Path, _Page]) -> None:
    for file, page in pages.items():
        assert not [address for address in page.loaded if re.match(r"(\w+:)?//", address)], file
    for file in site.rglob("*.css"):
        loaded = re.findall(r"""(?:url\(|@import)\s*["']?((?:\w+:)?//[^"')]*)""", file.read_text(encoding="utf-8"))
        assert not loaded, file


def test_what_is_loaded_is_there(pages: dict[Path, _Page]) -> None:
    for file, page in pages.items():
        for address in page.loaded:
            assert (file.parent / address.partition("?")[0].partition("#")[0]).exists(), (file, address)


def test_every_page_is_reachable_and_no_link_is_broken(site: Path, pages: dict[Path, _Page]) -> None:
    seen = {site / "index.html"}
    waiting = list(seen)
    while waiting:
        file = waiting.pop()
        for target, anchor in _targets(file, pages[file]):
            assert target.exists(), (file, target)
            assert not anchor or target not in pages or anchor in pages[target].anchors, (file, target, anchor)
            if target in pages and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert {site / page.relative_to(ROOT).with_suffix(".html") for page in DOCS.rglob("*.md")} <= seen


def test_the_search_knows_the_pages(site: Path) -> None:
    # A script and not data that the page fetches: browsers do not let a page of file:// fetch.
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    assert all(f'"{page.relative_to(ROOT).with_suffix("").as_posix()}"' in index for page in DOCS.rglob("*.md"))


def test_the_sidebar_is_the_index(site: Path) -> None:
    groups = sidebar(DOCS / "README.md")
    assert list(groups) == ["", "How to", "Reference", "Explanation", "Decisions", "Project"]
    text = (site / "docs" / "README.html").read_text(encoding="utf-8")
    assert re.findall(r'class="caption-text">([^<]*)<', text) == [heading for heading in groups if heading]


INDEX = "# Index\n\n## How to\n\n- [One](one.md)\n"


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"README.md": INDEX, "one.md": "# One\n\n[Two](two.md)\n"}, "two.md"),
        ({"README.md": INDEX, "one.md": "# One\n\n[Part](README.md#parts)\n"}, "parts"),
        ({"README.md": INDEX, "one.md": "# One\n\n![Plan](plan.svg)\n"}, "plan.svg"),
        ({"README.md": INDEX, "one.md": "# One\n", "two.md": "# Two\n"}, "two.md"),
    ],
    ids=["link", "anchor", "image", "not in the index"],
)
def test_what_is_broken_fails(tmp_path: Path, files: dict[str, str], warning: str) -> None:
    result = _build(tmp_path / "site", _source(tmp_path, files))
    assert result.returncode != 0
    assert "WARNING" in result.stderr
    assert warning in result.stderr


def test_a_link_to_a_folder_leads_to_its_index_or_nowhere(tmp_path: Path) -> None:
    files = {
        "README.md": INDEX + "- [Folder](folder) and [other](other), [above](#how-to)\n",
        "one.md": "# One\n\nSee [that folder](folder) and [its program](folder/program.py).\n",
        "folder/README.md": "# Folder\n\n- [Part](part.md)\n- [One](../one.md)\n",
        "folder/part.md": "# Part\n",
        "folder/program.py": "print(1)\n",
        "other/data.txt": "1\n",
    }
    result = _build(tmp_path / "site", _source(tmp_path, files))
    assert result.returncode == 0, result.stderr
    links = _Page(tmp_path / "site" / "docs" / "one.html").links
    assert "folder/README.html" in links
    assert any(link.endswith("program.py") for link in links)
    assert not [link for link in _Page(tmp_path / "site" / "docs" / "README.html").links if "other" in link]


def _source(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / "source" / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / "source"
