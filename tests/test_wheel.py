"""The built wheel, installed into an empty environment outside the checkout, makes and uses a store."""

import json
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import psycopg
import pytest

from tests.databases import COMMAND_TIMEOUT, environment
from tests.tools import ROOT

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".*_cache", ".venv", ".cache", ".hypothesis", "__pycache__", "dist", "build"
)
INSTALL_TIMEOUT = 600

# What is built and installed once is not for each worker of a parallel run to do again.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheel and the source archive built from a clean copy of the checkout."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT, folder / "copy", ignore=NOT_COPIED)
    _run([sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")], cwd=folder / "copy")
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment into which nothing but the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    (wheel,) = archives.glob("*.whl")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", str(wheel)], cwd=folder, timeout=INSTALL_TIMEOUT)
    return folder / "bin"


def _run(
    command: list[str], *, cwd: Path, url: str | None = None, timeout: int = COMMAND_TIMEOUT
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command, cwd=cwd, env=environment(url), capture_output=True, text=True, check=False, timeout=timeout
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def _resources() -> set[str]:
    sql = {path.relative_to(ROOT) for path in (ROOT / "sql").rglob("*.sql")}
    templates = {path.relative_to(ROOT) for path in (ROOT / "templates").rglob("*") if path.is_file()}
    return {str(path) for path in sql | templates if not path.is_relative_to("sql/tests")}


def test_the_wheel_holds_the_package_the_sql_and_the_templates_alone(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "esdb_cli").rglob("*.py")}
    assert names == {f"esdb_cli/{name}" for name in _resources()} | modules | {"esdb_cli/py.typed"}


def test_the_source_archive_holds_the_tests_too(archives: Path) -> None:
    (source,) = archives.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert _resources() <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "tests/test_wheel.py", "tools/lint_sql.py"} <= names
    assert not any(name.startswith((".venv", ".cache", ".git/")) for name in names)


def test_the_installed_command_makes_and_uses_a_store(installed: Path, empty_db_url: str, tmp_path: Path) -> None:
    esdb = str(installed / "esdb")
    _run([esdb, "migrate"], cwd=tmp_path, url=empty_db_url)
    _run([esdb, "partitions", "create-next"], cwd=tmp_path, url=empty_db_url)
    _run([esdb, "status", "--check"], cwd=tmp_path, url=empty_db_url)
    payload = '{"title": "installed"}'
    appended = _run(
        [esdb, "append", "bookmark-1", "BookmarkAdded", payload, "--context", "b", "--group", "m", "--json"],
        cwd=tmp_path, url=empty_db_url,
    )  # fmt: skip
    assert json.loads(appended.stdout)["version"] == 1
    module = [str(installed / "python"), "-m", "esdb_cli", "verify"]
    assert _run(module, cwd=tmp_path, url=empty_db_url).stdout == "ok\n"
    with psycopg.connect(empty_db_url) as connection:
        row = connection.execute("select event_type, payload from esdb.read_stream('bookmark-1')").fetchone()
    assert row == ("BookmarkAdded", json.loads(payload))
