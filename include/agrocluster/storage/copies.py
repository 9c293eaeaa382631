"""Folders of this machine for working copies of an object store: one per running step, and what was fetched once.

Contents are kept by key and etag and linked into the steps' folders, so that a step costs what is new. A folder goes
with its step; those of killed ones are removed by the next that begins.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.objects import Entry, Objects

FORGOTTEN_S = 3600.0
"""How long contents that the store does not list any more are kept: somebody may be about to link them."""


@contextmanager
def step_folder(work: Path) -> Iterator[Path]:
    """A fresh folder for one step, removed at its end. It belongs to the process that holds the lock beside it."""
    home = work / "steps"
    with exclusive(home / "guard.lock"):
        _remove_orphans(home)
        with atomic.writing(home):
            folder = Path(tempfile.mkdtemp(prefix="step-", dir=home))
            lock = folder.with_suffix(".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with lock:
            (folder / "data").mkdir()
            yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def _remove_orphans(home: Path) -> None:
    for lock in home.glob("step-*.lock"):
        with lock.open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


@dataclass(frozen=True)
class Contents:
    """The bytes of objects as they were listed, in ``folder``."""

    folder: Path

    def has(self, entry: Entry) -> bool:
        """Whether the object is here."""
        return self._path(entry).exists()

    def fetch(self, store: Objects, entry: Entry) -> None:
        """Bring an object here, checked, with its time. Taken when the store has replaced it since it was listed."""
        with atomic.writing(self._path(entry)):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=atomic.TEMPORARY, dir=self.folder)
            os.close(handle)
            temporary = Path(name)
            try:
                store.fetch(entry, temporary)
                stamp = entry.modified.timestamp()
                os.utime(temporary, (stamp, stamp))
                temporary.chmod(0o644)
                temporary.replace(self._path(entry))
            finally:
                temporary.unlink(missing_ok=True)

    def keep(self, path: Path, entry: Entry) -> None:
        """Remember a file that has become ``entry``."""
        with atomic.writing(self._path(entry)), suppress(FileExistsError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path(entry).hardlink_to(path)

    def link(self, entry: Entry, path: Path) -> None:
        """Make ``path`` the object, unless it is already. FileNotFoundError when it is not here any more."""
        kept = self._path(entry)
        if path.exists() and path.samefile(kept):
            return
        with atomic.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{atomic.TEMPORARY}{kept.name}")
            beside.unlink(missing_ok=True)
        beside.hardlink_to(kept)
        with atomic.writing(path):
            beside.replace(path)

    def forget(self, listed: Iterable[Entry]) -> None:
        """Remove what the store does not list any more."""
        known = {self._path(entry).name for entry in listed}
        horizon = time.time() - FORGOTTEN_S
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    if path.name not in known and path.stat().st_ctime < horizon:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _path(self, entry: Entry) -> Path:
        name = f"{entry.key}\0{entry.etag}\0{entry.size}"
        return self.folder / hashlib.sha256(name.encode()).hexdigest()
