"""Atomic writes: a reader, or a process killed at any instant, sees the old content or the new, never a part.

The order is always the same: write beside the target, flush to disk, rename, flush the folder.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agrocluster.errors import StorageError

TEMPORARY = ".tmp-"
"""Prefix of everything unfinished; readers skip such names and ``sweep`` removes them."""


@contextmanager
def writing(what: Path) -> Iterator[None]:
    """Turns operating system errors while writing ``what`` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        problem = f"The disk is full while writing {what}." if full else f"{what} cannot be written: {error}."
        remedy = "Free space" if full else "Check the folder's permissions"
        raise StorageError(problem, remedy=f"{remedy} and run again; everything published before is intact.") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder; on success it replaces ``path``, on failure it goes."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace the content of ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` by ``value`` as JSON with sorted keys, so that equal values give equal bytes."""
    write_bytes(path, to_json(value))


def to_json(value: Any) -> bytes:
    """Stable, readable JSON: sorted keys, two blanks, UTF-8, newline at the end."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """The JSON in ``path``; StorageError if it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise StorageError(
            f"{path} is damaged: {error}.", remedy="Delete the file and run again; it will be rebuilt."
        ) from error


@contextmanager
def folder(final: Path) -> Iterator[Path]:
    """Yields a temporary folder that becomes ``final`` on success (unless it exists) and goes on failure."""
    temporary = new_folder(final.parent)
    try:
        with writing(final):
            yield temporary
        commit_folder(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(root: Path, older_than_s: float = 0.0) -> int:
    """Remove what killed processes left unfinished below ``root``; returns the number of entries removed.

    Args:
        older_than_s: leave alone what was touched more recently, where others may still be writing.
    """
    removed = 0
    horizon = time.time() - older_than_s
    for path in sorted(root.rglob(f"{TEMPORARY}*")):
        if path.exists() and path.suffix != ".lock" and path.stat().st_mtime <= horizon:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    return removed


def new_folder(parent: Path) -> Path:
    """A fresh temporary folder inside ``parent``, to be renamed with ``commit_folder``."""
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))


def commit_folder(temporary: Path, final: Path) -> bool:
    """Rename a finished folder into place. False (and ``temporary`` is removed) if ``final`` exists already."""
    with writing(final):
        for path in temporary.rglob("*"):
            if path.is_file():
                sync(path)
        sync(temporary)
        temporary.chmod(0o755)
        try:
            temporary.rename(final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            shutil.rmtree(temporary)
            return False
        sync(final.parent)
        return True


def sync(path: Path) -> None:
    """Flush a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
