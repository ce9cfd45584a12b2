"""The roles of docs/how-to/deploy.md, made by an administrator who is no superuser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.databases import run_esdb

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import NewServer


def test_an_administrator_without_superuser_rights_makes_the_roles(
    new_server: NewServer, pytestconfig: pytest.Config
) -> None:
    page: Path = pytestconfig.rootpath / "docs" / "how-to" / "deploy.md"
    statements = re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[0]
    server = new_server(durable=False)
    with psycopg.connect(server.url(), autocommit=True) as superuser:
        superuser.execute("create role admin login createrole createdb")
        superuser.execute("grant pg_read_all_stats to admin with admin option")
    with psycopg.connect(server.url("postgres", "admin"), autocommit=True) as admin:
        admin.execute("create database shop")
    with psycopg.connect(server.url("shop", "admin"), autocommit=True) as admin:
        admin.execute(statements)
    for role, *command in (
        ("shop_owner", "migrate"),
        ("shop_app", "append", "note-1", "NoteWritten", "{}", "--context", "n", "--group", "m"),
        ("shop_search", "subscriptions", "create", "search"),
        ("shop_monitor", "verify"),
    ):
        result = run_esdb(*command, url=server.url("shop", role))
        assert result.returncode == 0, (role, result.stderr)
    with psycopg.connect(server.url("shop", "shop_search"), autocommit=True) as consumer:
        consumer.execute("create table search.cursor (position bigint not null)")
