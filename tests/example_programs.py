"""The programs of examples/, run as a reader runs them: each as a process of its own, in a copy of its folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests import tools
from tests.databases import environment

EXAMPLES = tools.ROOT / "examples"
LANGUAGES = ["python", "nodejs"]
TIMEOUT = 60


class Example:
    """A program of a language's folder, by its name without the ending."""

    def __init__(self, language: str, program: str, folder: Path, url: str) -> None:
        shutil.copytree(EXAMPLES / language, folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        if language == "nodejs":
            (folder / "node_modules").symlink_to(tools.node_modules(folder / "package.json"))
        self._command = (
            [str(tools.node()), f"{program}.js"] if language == "nodejs" else [sys.executable, f"{program}.py"]
        )
        self._folder = folder
        self._url = url

    def start(self, *arguments: str, url: str | None = None, **variables: str) -> subprocess.Popen[str]:
        """Start the program, its output kept for communicate()."""
        return subprocess.Popen(
            [*self._command, *arguments], cwd=self._folder, env=environment(url or self._url, variables), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, url: str | None = None, exit_code: int = 0) -> tuple[str, str]:
        """Run the program to its end; give its output and its messages."""
        return finish(self.start(*arguments, url=url), exit_code)


def finish(process: subprocess.Popen[str], exit_code: int = 0) -> tuple[str, str]:
    """Wait for a process to end; give its output and its messages."""
    try:
        output, messages = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == exit_code, messages
    return output, messages
