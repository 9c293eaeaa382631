"""How Airflow talks to the embedded database of a local run: it waits for a lock instead of giving up.

Named in Airflow's configuration (``sql_alchemy_connect_args``); a server uses Postgres and none of this.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

CONNECT_ARGS = {"timeout": 60}
"""Seconds that a connection waits for the lock of another; the library's default of 5 is short on a busy machine."""


def share(database: Path) -> None:
    """Let readers and a writer work at the same time (write-ahead log); the file remembers it."""
    with closing(sqlite3.connect(database, timeout=CONNECT_ARGS["timeout"])) as con:
        con.execute("PRAGMA journal_mode = WAL")
