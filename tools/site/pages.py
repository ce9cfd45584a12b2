"""What Sphinx must be told so that Markdown written for a repository's browser makes a site.

The index, docs/README.md, is the only list of pages: its headings and links are the groups of the sidebar.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.shell import BashLexer
from pygments.lexers.sql import PostgresLexer
from sphinx import addnodes

from tests import markdown

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def sidebar(index: Path) -> dict[str, list[Path]]:
    """Give the pages that an index links, by the heading they stand under; empty for those above all headings."""
    first, *rest = _HEADING.split(index.read_text(encoding="utf-8"))
    groups: dict[str, list[Path]] = {}
    seen = {index.resolve()}
    for heading, text in [("", first), *zip(rest[::2], rest[1::2], strict=True)]:
        for link in markdown.links_of(text):
            for page in _pages(index.parent / link.partition("#")[0]):
                if page not in seen:
                    seen.add(page)
                    groups.setdefault(heading, []).append(page)
    return groups


def _pages(target: Path) -> list[Path]:
    """Give the pages that a link leads to: of a folder its README, or all pages where it has none."""
    if target.is_dir():
        readme = target / "README.md"
        return [readme.resolve()] if readme.exists() else sorted(page.resolve() for page in target.glob("*.md"))
    return [target.resolve()] if target.suffix == ".md" and target.exists() else []


def _add_sidebar(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put into an index what makes Sphinx's sidebar; a folder's own index lists what is in the folder."""
    if not docname.endswith("/README"):
        return
    index = Path(app.env.doc2path(docname))
    for heading, pages in sidebar(index).items():
        own = [page for page in pages if docname == app.config.root_doc or page.is_relative_to(index.parent)]
        if own:
            caption = f":caption: {heading}\n" if heading else ""
            names = "\n".join("/" + page.relative_to(app.srcdir).with_suffix("").as_posix() for page in own)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n{caption}\n{names}\n```\n"


def _lead_to_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Let a link to a folder lead to its README; without one it is text, because a site shows no folders."""
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftype"] != "myst" or link["refdomain"]:
            continue
        folder = Path(app.env.relfn2path(link["reftarget"], app.env.docname)[1])
        if folder.is_dir() and (folder / "README.md").exists():
            link["refdomain"] = "doc"
            link["reftarget"] = (folder / "README").relative_to(app.srcdir).as_posix()
            link["reftargetid"] = None
        elif folder.is_dir():
            link.replace_self(link.children)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect it all; Sphinx calls this."""
    app.add_lexer("sql", PostgresLexer)
    app.add_lexer("crontab", BashLexer)
    app.connect("source-read", _add_sidebar)
    app.connect("doctree-read", _lead_to_folders)
    return {"parallel_read_safe": True}
