"""The collector of pgTAP files: what must fail fails, and the reason is told."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.databases import environment
from tests.pgtap import parse, split
from tests.tools import ROOT, SHARED_SQL

FILES = {
    "passes": "begin; select plan(1); select ok(true, 'a; b'); select * from finish(); rollback;",
    "todo": "select plan(1); select todo('later', 1); select ok(false, 'not yet'); select * from finish();",
    "skips_one": "select plan(1); select skip('no reason', 1); select * from finish();",
    "fails": "select plan(2); select ok(true, 'first'); select is(1, 2, 'one is two'); select * from finish();",
    "errors": "select plan(2);\n\nselect ok(true, 'first');\nselect ok(true,\n    missing);",
    "raises": "select plan(2);\nselect ok(true, 'first');\ndo $$ begin raise exception 'boom'; end $$;",
    "underplanned": "select plan(1); select ok(true, 'a'); select ok(true, 'b'); select * from finish();",
    "overplanned": "select plan(2); select ok(true, 'a'); select * from finish();",
    "unplanned": "select 'ok 1 - by hand';",
    "empty": "select plan(0);",
    "nothing": "-- nothing here",
    "commits": (
        "select plan(2); begin; create table public.kept(); commit;"
        " select has_table('public', 'kept', 'committed'); begin; drop table public.kept; rollback;"
        " select has_table('public', 'kept', 'rolled back'); select * from finish();"
    ),
    "sees_others": "select plan(1); select hasnt_table('public', 'kept', 'a fresh database'); select * from finish();",
}
REASONS = {
    "fails": "not ok - one is two",
    "errors": "SQL error after 1 assertions at errors.sql:5: 42703",
    "raises": "SQL error after 1 assertions at raises.sql:3: P0001 ERROR:  boom",
    "underplanned": "planned 1 assertions but ran 2",
    "overplanned": "planned 2 assertions but ran 1",
    "unplanned": "no plan was printed",
    "empty": "the file asserts nothing",
    "nothing": "no plan was printed",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """The reason for which each file failed, None where it passed, from one run over all of them."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "sql" / "tests").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / "sql" / "tests" / f"{name}.sql").write_text(text)
    exit_code = _run_pytest(folder / "sql" / "tests", f"--junitxml={folder}/result.xml")
    assert exit_code == pytest.ExitCode.TESTS_FAILED
    cases = ET.parse(folder / "result.xml").iter("testcase")  # noqa: S314 - written by pytest just now
    return {case.attrib["name"]: _reason(case) for case in cases}


def _run_pytest(path: Path, *options: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", *options]
    config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    result = subprocess.run(
        [*command, *config, str(path)], cwd=ROOT, env=environment(None), capture_output=True, check=False, timeout=120
    )
    return result.returncode


def _reason(case: ET.Element) -> str | None:
    failure = case.find("failure")
    return None if failure is None else failure.text or ""


@pytest.mark.parametrize("name", FILES)
def test_outcome(outcomes: dict[str, str | None], name: str) -> None:
    reason = outcomes[name]
    if name in REASONS:
        assert reason is not None
        assert reason.startswith(REASONS[name])
    else:
        assert reason is None


def test_diagnostics_are_shown(outcomes: dict[str, str | None]) -> None:
    assert outcomes["fails"] is not None
    assert "have: 1" in outcomes["fails"]
    assert "want: 2" in outcomes["fails"]


def test_a_server_process_left_behind_fails_the_run(tmp_path: Path) -> None:
    leaver = tmp_path / "test_leaver.py"
    leaver.write_text(
        "import subprocess\n"
        "def test_leaves(pytestconfig, server):\n"
        f"    process = subprocess.Popen(['sleep', '600'], cwd=server.folder.parent)\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(process.pid))\n"
        "    process.returncode = 0\n"
    )
    try:
        assert _run_pytest(leaver) == pytest.ExitCode.TESTS_FAILED
    finally:
        subprocess.run(["kill", (tmp_path / "pid").read_text()], check=True)


def test_split_keeps_semicolons_in_quotes_together() -> None:
    source = "select ';', \";\", e'\\';', $a$ ; $b$ ; $a$; -- ; \n/* ;\n */ select $1;\n\n"
    assert [line for line, _ in split(source)] == [1, 1]
    assert len(list(split(source))) == 2


def test_skip_all_is_understood() -> None:
    report = parse(["1..0 # SKIP nothing to test here"])
    assert report.plan == 0
    assert report.skip_all == "nothing to test here"


def test_what_the_tests_share_is_no_test() -> None:
    assert "refused.sql" in {path.name for path in SHARED_SQL}
    assert [path.name for path in SHARED_SQL if path.name.startswith("test_")] == []
