"""How Airflow talks to the embedded database of a local run: who waits for a lock, and for how long.

A server uses Postgres and none of this.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

CONNECT_ARGS = {"timeout": 60}
"""Seconds that a connection waits for the lock of another, where the library's default of 5 ends in a crash."""

PATIENT = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": f"{__name__}.CONNECT_ARGS"}
"""Environment of the scheduler and the Dag processor. The api-server must not be patient: it can wait for a lock that
it holds itself, and then nobody is answered; its callers ask again instead."""


def share(database: Path) -> None:
    """Let readers and a writer work at the same time (write-ahead log); the file remembers it."""
    with closing(sqlite3.connect(database, timeout=CONNECT_ARGS["timeout"])) as con:
        con.execute("PRAGMA journal_mode = WAL")
