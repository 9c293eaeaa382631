"""Small states that several processes change at the same time: read, changed and written back as one act.

On a folder a lock does it, in an object store a conditional put that is tried again when somebody else was quicker.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agrocluster.errors import StorageError
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.objects import NEW, Objects, Taken

State = dict[str, Any]
ATTEMPTS = 60
_STORES: dict[Path, Objects] = {}
"""Roots of working copies and the stores they are copies of."""


def attach(root: Path, store: Objects) -> None:
    """From now on, states below ``root`` are those of ``store``."""
    _STORES[root] = store


def detach(root: Path) -> None:
    """Take back ``attach``."""
    _STORES.pop(root, None)


def read(path: Path) -> State | None:
    """The state kept in ``path``, None if there is none yet."""
    found = _object(path)
    if found is None:
        return dict(atomic.read_json(path)) if path.exists() else None
    answer = found[0].read(found[1])
    return None if answer is None else _parsed(answer[0], found)


def update(path: Path, change: Callable[[State | None], State]) -> None:
    """Replace the state in ``path`` by what ``change`` makes of it.

    ``change`` may be called several times and must have no effect but its answer; what it raises leaves all as it is.
    """
    found = _object(path)
    if found is None:
        with exclusive(path.with_suffix(".lock")):
            atomic.write_json(path, change(read(path)))
        return
    store, key = found
    for attempt in range(ATTEMPTS):
        answer = store.read(key)
        state = change(None if answer is None else _parsed(answer[0], found))
        try:
            store.write(key, atomic.to_json(state), condition=NEW if answer is None else answer[1])
        except Taken:
            time.sleep(random.uniform(0.0, 0.05 * min(attempt + 1, 10)))  # noqa: S311
        else:
            return
    raise StorageError(
        f"{store.address}/{key} is written by others all the time.", remedy="Run fewer fetching tasks at once."
    )


def _object(path: Path) -> tuple[Objects, str] | None:
    for root, store in _STORES.items():
        if path.is_relative_to(root):
            return store, path.relative_to(root).as_posix()
    return None


def _parsed(data: bytes, found: tuple[Objects, str]) -> State:
    try:
        return dict(json.loads(data))
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"{found[0].address}/{found[1]} is damaged: {error}.", remedy="Delete the object and run again."
        ) from error
