"""Makes the eventsourcing library's tables and functions; run with the library on PYTHONPATH.

Arguments: host, port, database.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import closing


def main() -> None:
    """Let the library's own recorder create what it needs."""
    postgres = importlib.import_module("eventsourcing.postgres")
    host, port, database = sys.argv[1:4]
    datastore = postgres.PostgresDatastore(database, host, port, "postgres", "", enable_db_functions=True)
    with closing(datastore):
        postgres.PostgresApplicationRecorder(datastore).create_table()


if __name__ == "__main__":
    main()
