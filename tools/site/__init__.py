"""The documentation as a site: Sphinx's settings, and what it must be told of plain Markdown."""
