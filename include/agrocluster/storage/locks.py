"""Locks between processes of one machine, so that two runs on one data root do not do the same work at once.

Correctness does not rest on them (writes are atomic and idempotent); they keep a second process from deleting or
repeating what a first one is in the middle of. The lock goes with the process that holds it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agrocluster.storage.atomic import writing


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` (made if absent) for the block; waits until it is free."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
