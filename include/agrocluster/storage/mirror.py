"""Working copies: a data root in an object store, used through folders of this machine.

The store is the truth. ``working_copy`` makes a fresh folder with what a step needs, lets the step run on it as on any
data root, and brings back what became of it: data first, then what makes them visible, the pointer to the current
release last, so that a process killed at any instant leaves whole things in the store or nothing to be seen. What was
fetched once is kept on this machine and linked. Steps of several processes and machines share nothing but the store;
which of them run at once is the scheduler's business, save that the pointer, the record of releases and folders that
are written once are never overwritten (conditional puts).
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agrocluster.errors import AgroclusterError, StorageError
from agrocluster.settings import settings
from agrocluster.storage import atomic, shared, zones
from agrocluster.storage.copies import Contents, step_folder
from agrocluster.storage.locks import exclusive
from agrocluster.storage.objects import NEW, S3, Entry, Objects, Taken
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.zones import Rank

THREADS = 8
ATTEMPTS = 5
"""How often a listing is made anew because an object was replaced while it was fetched."""
ABANDONED = timedelta(minutes=15)
"""After this time without its marker, a folder that is written once was left by a process that is no more."""
EVERYTHING = ("*",)
VIEW = (
    *("landing/*.json", "staged/*.json", "quarantine/*", "quality/*", "state/*"),
    *("marts/*.json", "baselines/*", "overlay/*"),
)
"""What people look at who watch over the data. Releases themselves are read from the store (``release.reading``)."""
Seen = tuple[int, int, int]
_IN_USE: list[WorkingCopy] = []
log = logging.getLogger(__name__)


@contextmanager
def working_copy(*patterns: str) -> Iterator[WorkingCopy | None]:
    """Within the block the configured data root is a folder; afterwards the object store holds what it has become.

    Nothing happens where the data root is a folder anyway. What was done before an error is kept, as it would be there.

    Args:
        patterns: names below the data root, with ``*`` for any text and ``{current}`` for the current release; those
            objects that the block needs. What it writes is brought back wherever it lies.
    """
    chosen = settings()
    if chosen.store is None or chosen.work is None:
        yield None
        return
    store = S3.at(chosen.store)
    with step_folder(chosen.work) as root:
        copy = WorkingCopy(store, root, Contents(chosen.work / "objects"))
        copy.pull(patterns)
        shared.attach(root, store)
        _IN_USE.append(copy)
        os.environ["AGROCLUSTER_DATA"] = str(root)
        try:
            yield copy
        except BaseException:
            try:
                copy.push()
            except AgroclusterError as error:
                log.error("What was done before the error below is lost: %s", error)
            raise
        else:
            copy.push()
        finally:
            os.environ["AGROCLUSTER_DATA"] = chosen.store
            _IN_USE.remove(copy)
            shared.detach(root)


def save() -> None:
    """Bring what the working copy in use has become into its store now: long work is not lost when it is killed."""
    for copy in _IN_USE:
        copy.push()


@dataclass
class WorkingCopy:
    """A folder and the objects it was made from.

    Attributes:
        base: key -> object, for what was fetched or written; the folder held exactly this at that time.
        listed: key -> object, all there was in the store when it was last listed.
        held: which keys the folder may hold.
    """

    store: Objects
    root: Path
    contents: Contents
    base: dict[str, Entry] = field(default_factory=dict)
    listed: dict[str, Entry] = field(default_factory=dict)
    held: Callable[[str], bool] = zones.is_copied
    _known: dict[str, Seen] = field(default_factory=dict)

    def pull(self, patterns: Collection[str]) -> None:
        """Bring what ``patterns`` ask for into the folder, as one listing shows it. StorageError where that fails."""
        began, fetched = time.monotonic(), 0
        for attempt in range(ATTEMPTS):
            self._list()
            named = self._resolved(patterns)
            wanted = [e for e in self.listed.values() if zones.wanted(e.key, named)]
            whole = [e for e in wanted if zones.is_whole(e.key, self.listed)]
            missing = [e for e in whole if not self.contents.has(e)]
            try:
                _at_once(lambda entry: self.contents.fetch(self.store, entry), missing)
                fetched += sum(entry.size for entry in missing)
                self._link(sorted(whole, key=lambda entry: zones.rank(entry.key)))
            except (Taken, FileNotFoundError):
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            break
        self.contents.forget(self.listed.values())
        text = "%s: %s objects, %.1f MB of them fetched (%.1f s)."
        log.info(text, self.store.address, len(whole), fetched / 1e6, time.monotonic() - began)

    def push(self) -> None:
        """Bring all changes of the folder into the store. Taken when another machine has published meanwhile."""
        began = time.monotonic()
        now = dict(self._scan())
        changed = {key for key, seen in now.items() if self._known.get(key) != seen}
        gone = set(self.base) - set(now)
        gone |= self._dissolved(gone, now)
        revoked = self._vouching(changed)
        changed |= revoked & set(now)
        self._remove(revoked)
        origins = {seen: self.base[key] for key, seen in self._known.items() if key in self.base}
        for level in Rank:
            some = [key for key in sorted(changed) if zones.rank(key) is level]
            _at_once(lambda key: self._put(key, now[key], origins.get(now[key]), revoked), some)
        self._remove(gone - revoked)
        if changed or gone:
            size, spent = sum(now[key][1] for key in changed) / 1e6, time.monotonic() - began
            text = "%s: %s objects written, %s removed (%.1f MB, %.1f s)."
            log.info(text, self.store.address, len(changed), len(gone), size, spent)

    def _vouching(self, changed: Collection[str]) -> set[str]:
        """Markers in the store that speak for what has changed."""
        staged = {marker for key in changed for marker in zones.markers(key)}
        written_once = {zones.once(key) for key in changed if key in self.base}
        return {key for key in (staged | written_once) if key in self.listed}

    def _remove(self, keys: Collection[str]) -> None:
        """Take objects away, those that make others visible first."""
        for level in sorted(Rank, reverse=True):
            self.store.delete(sorted(key for key in keys if zones.rank(key) is level))
        for key in keys:
            self.base.pop(key, None)
            self.listed.pop(key, None)
            self._known.pop(key, None)

    def _list(self) -> None:
        found = self.store.list()
        self.listed = {entry.key: entry for entry in found if self.held(entry.key)}
        foreign = [entry.key for entry in found if not zones.is_plain(entry.key)]
        if foreign:
            text = "%s: %s objects are none of ours and left alone, %r among them."
            log.warning(text, self.store.address, len(foreign), foreign[0])

    def _resolved(self, patterns: Collection[str]) -> list[str]:
        if not any("{current}" in pattern for pattern in patterns):
            return list(patterns)
        found = self.store.read(zones.POINTER)
        try:
            current = str(json.loads(found[0])["release"]) if found else ""
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"{self.store.address}/{zones.POINTER} is damaged: {error!r}.", remedy="Delete it and publish again."
            ) from error
        return [p.replace("{current}", current) for p in patterns if current or "{current}" not in p]

    def _link(self, entries: Collection[Entry]) -> None:
        newest: dict[Path, float] = {}
        for entry in entries:
            path = self.root / entry.key
            self.contents.link(entry, path)
            self.base[entry.key], self._known[entry.key] = entry, _seen(path.stat())
            newest[path.parent] = max(newest.get(path.parent, 0.0), entry.modified.timestamp())
        listed = {entry.key for entry in entries}
        for key in [key for key, _ in self._scan() if key not in listed]:
            (self.root / key).unlink()
            self.base.pop(key, None)
            with suppress(OSError):  # other files are still in it
                (self.root / key).parent.rmdir()
        # Whoever looks which folder is the older one shall see when it was written, not when it was copied.
        for folder, stamp in newest.items():
            os.utime(folder, (stamp, stamp))

    def _scan(self) -> Iterator[tuple[str, Seen]]:
        for folder, _, names in os.walk(self.root, followlinks=False):
            for name in names:
                path = Path(folder, name)
                key = path.relative_to(self.root).as_posix()
                if self.held(key) and not path.is_symlink():
                    yield key, _seen(path.stat())

    def _dissolved(self, gone: set[str], now: Collection[str]) -> set[str]:
        """What a folder that was written once and has lost its marker still has in the store."""
        lost = {key for key in gone if key == zones.once(key)}
        return {key for key in self.listed if zones.vouched(key) in lost and key not in now} if lost else set()

    def _put(self, key: str, seen: Seen, origin: Entry | None, revoked: Collection[str]) -> None:
        path = self.root / key
        if origin is not None and zones.rank(key) is Rank.DATA:
            etag = self.store.copy(origin, key)
        else:
            etag = self._put_new(key, path, revoked)
        entry = Entry(key, seen[1], etag, datetime.now(UTC))
        self.contents.keep(path, entry)
        self.base[key] = self.listed[key] = entry
        self._known[key] = seen

    def _put_new(self, key: str, path: Path, revoked: Collection[str]) -> str:
        marker = zones.once(key)
        condition = NEW if marker and marker not in revoked else None
        if key in zones.SHARED:
            condition = self.listed[key].etag if key in self.listed else NEW
        try:
            return self.store.put(key, path, condition=condition)
        except Taken:
            return self._settled(key, path, marker)

    def _settled(self, key: str, path: Path, marker: str | None) -> str:
        """What another process has written instead of us: the same, remains of one that is no more, or its own."""
        there = {entry.key: entry for entry in self.store.list()}
        if (entry := there.get(key)) is None:
            return self.store.put(key, path, condition=NEW)
        if entry.size == path.stat().st_size and self._same(entry, path):
            return entry.etag
        if marker and marker not in there and datetime.now(UTC) - entry.modified > ABANDONED:
            return self.store.put(key, path, condition=entry.etag)
        raise Taken(
            f"{self.store.address}/{key} was written by another machine in the meantime.",
            remedy="Nothing is lost: run again; the next run sees what the other one has made.",
        )

    def _same(self, entry: Entry, path: Path) -> bool:
        with tempfile.TemporaryDirectory(dir=self.root.parent, prefix=atomic.TEMPORARY) as folder:
            other = Path(folder, "other")
            self.store.fetch(entry, other)
            return file_sha256(other) == file_sha256(path)


def refresh_view(patterns: Collection[str] = VIEW, max_age_s: float = 15.0) -> None:
    """Let the configured data folder show the store as it was at most ``max_age_s`` ago, for reading.

    For processes that look and never write; nothing happens where the data root is a folder anyway.
    """
    chosen = settings()
    if chosen.store is None or chosen.work is None:
        return
    stamp = chosen.work / "view.lock"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < max_age_s and chosen.data.exists():
        return
    with exclusive(stamp):
        contents = Contents(chosen.work / "objects")
        WorkingCopy(S3.at(chosen.store), chosen.data, contents, held=zones.is_plain).pull(patterns)
        os.utime(stamp)


def _seen(facts: os.stat_result) -> Seen:
    """What tells a file from one that replaced it: everything is written beside its place and then renamed."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _at_once(work: Any, items: Collection[Any]) -> None:
    """``work`` on all items, some at the same time; the first error is raised when those begun have ended."""
    if not items:
        return
    with ThreadPoolExecutor(min(THREADS, len(items))) as pool:
        for done in [pool.submit(work, item) for item in items]:
            done.result()
