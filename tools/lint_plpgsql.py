"""Run plpgsql_check over every PL/pgSQL function of a migrated database, on a temporary server.

It knows what a parser does not: columns, types, unused variables, injection through EXECUTE. Exit 1 when it warns.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg

from esdb_cli.server import LocalServer
from tests.databases import Databases

HINT = "plpgsql_check is needed: apt-get install postgresql-15-plpgsql-check"

# A trigger's function is checked against each table that it serves, any other function once. Not counted: casts between
# a domain and its base type, which cost nothing, `_void`, the name of a result that nobody needs, and the readers'
# parameter skip_archived, which is in their contract before there are archives.
CHECK = """
select distinct
    format('%s: %s%s', f.oid::regprocedure, c.level, coalesce(' at line ' || c.lineno, '')) as place,
    concat_ws(' / ', c.message, c.detail, c.hint) as message
from pg_catalog.pg_proc as f
join pg_catalog.pg_language as l on l.oid = f.prolang and l.lanname = 'plpgsql'
left join pg_catalog.pg_trigger as t on t.tgfoid = f.oid
cross join lateral plpgsql_check_function_tb(
    funcoid => f.oid,
    relid => coalesce(t.tgrelid, 0),
    fatal_errors => false,
    performance_warnings => true,
    extra_warnings => true,
    security_warnings => true
) as c
where f.pronamespace in (select n.oid from pg_catalog.pg_namespace as n where n.nspname in ('esdb', 'esdb_meta'))
    and (f.prorettype <> 'trigger'::regtype or t.oid is not null)
    and c.message not in (
        'target type is different type than source type',
        'implicit cast of attribute caused by different PLpgSQL variable type in WHERE clause',
        'never read variable "_void"',
        'unused parameter "skip_archived"'
    )
order by 1, 2
"""


def bindir_with_check() -> Path | None:
    """Give the programs of the newest installed server which has the extension."""
    found = sorted(Path("/usr/share/postgresql").glob("*/extension/plpgsql_check.control"))
    if found:
        return Path("/usr/lib/postgresql") / found[-1].parts[-3] / "bin"
    configured = subprocess.run(["pg_config", "--sharedir", "--bindir"], capture_output=True, text=True, check=False)
    share, _, bindir = configured.stdout.strip().partition("\n")
    return Path(bindir) if (Path(share) / "extension" / "plpgsql_check.control").exists() else None


def main() -> int:
    """Check everything; give the exit code."""
    bindir = bindir_with_check()
    if bindir is None:
        print(HINT, file=sys.stderr)
        return 1
    with LocalServer(bindir=bindir) as server:
        url = Databases(server).migrated()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create extension plpgsql_check")
            with connection.transaction():
                # the functions of an import name its temporary tables, which its session makes first
                connection.execute("select esdb._import_begin()")
                findings = connection.execute(CHECK).fetchall()
    for place, message in findings:
        print(f"{place}: {message}", file=sys.stderr)
    print(f"plpgsql_check: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
