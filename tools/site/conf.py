"""Sphinx's settings for `make docs`. The sources are the repository's Markdown as it stands, docs/README.md first.

Warnings are errors there: a link that leads nowhere, an anchor that is none, a page that the index does not name.
"""

import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
author = _PROJECT["authors"][0]["name"]
project_copyright = author
release = _PROJECT["version"]

extensions = ["myst_parser", "tools.site.pages"]
include_patterns = ["*.md", "docs/**", "examples/**"]
exclude_patterns = [".*", "build", "dist", "**/node_modules"]
root_doc = "docs/README"
myst_heading_anchors = 4
nitpicky = True
# psql's own commands are no SQL, but stand in its examples
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"esdb {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_additional_pages = {"index": "first_page.html"}
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
