"""`python -m tools.site TARGET [SOURCE]` builds the site of a checkout into a folder; a warning is an error."""

import sys
from pathlib import Path

from sphinx.cmd.build import main

CONFIGURATION = Path(__file__).resolve().parent
ROOT = CONFIGURATION.parent.parent


def build(target: Path, source: Path = ROOT) -> int:
    """Build the site; give the exit code. All warnings are shown before it fails."""
    arguments = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env", "--conf-dir", str(CONFIGURATION)]
    return main([*arguments, "--doctree-dir", f"{target}.doctrees", str(source), str(target)])


if __name__ == "__main__":
    sys.exit(build(*map(Path, sys.argv[1:])))
