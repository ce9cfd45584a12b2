"""What the tests of epochs share."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.feed_support import read_all
from tests.fixtures import Connection

EPOCHS = "select number, last_position, first_position from esdb.epochs order by number"


def refused(connection: Connection, cursor: int) -> dict[str, Any]:
    """Read behind a cursor that the store does not know any more, and give the error's detail."""
    with pytest.raises(psycopg.DatabaseError) as error:
        read_all(connection, cursor)
    assert error.value.sqlstate == "SE022"
    detail: dict[str, Any] = json.loads(error.value.diag.message_detail or "")
    return detail
