"""An object store in memory with the conditions and the atomic puts of S3, that can end at any operation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from agrocluster.errors import StorageError
from agrocluster.storage.objects import NEW, Entry, Taken


class Killed(BaseException):
    """The process ended here; no handler of errors sees it."""


@dataclass
class MemoryStore:
    """``objects``: key -> bytes and time. ``left``: operations that change something until the process is killed."""

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    left: int | None = None
    changes: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    address: str = "s3://bucket/root"
    _lock: Lock = field(default_factory=Lock)

    def list(self) -> list[Entry]:
        return [self._entry(key) for key in sorted(self.objects)]

    def fetch(self, entry: Entry, into: Path) -> None:
        if entry.key not in self.objects or self._entry(entry.key).etag != entry.etag:
            raise Taken(f"{entry.key} was replaced")
        self.fetched.append(entry.key)
        into.write_bytes(self.objects[entry.key][0])

    def put(self, key: str, path: Path, *, condition: str | None = None) -> str:
        return self.write(key, path.read_bytes(), condition=condition)

    def copy(self, entry: Entry, key: str) -> str:
        with self._lock:
            self._change(f"copy {key}")
            self.objects[key] = (self.objects[entry.key][0], datetime.now(UTC))
            return self._entry(key).etag

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            with self._lock:
                self._change(f"delete {key}")
                self.objects.pop(key, None)

    def read(self, key: str) -> tuple[bytes, str] | None:
        return (self.objects[key][0], self._entry(key).etag) if key in self.objects else None

    def write(self, key: str, data: bytes, *, condition: str | None = None) -> str:
        with self._lock:
            there = self._entry(key).etag if key in self.objects else NEW
            if condition is not None and condition != there:
                raise Taken(f"{key} was written by somebody else")
            self._change(f"put {key}")
            self.objects[key] = (data, datetime.now(UTC))
            return self._entry(key).etag

    def age(self, by: timedelta) -> None:
        """All that is there was written longer ago."""
        self.objects = {key: (data, at - by) for key, (data, at) in self.objects.items()}

    def twin(self, left: int | None = None) -> MemoryStore:
        """Another store with the same objects."""
        return MemoryStore(dict(self.objects), left)

    def _entry(self, key: str) -> Entry:
        data, at = self.objects[key]
        return Entry(key, len(data), hashlib.md5(data).hexdigest(), at)

    def _change(self, what: str) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1
        self.changes.append(what)


@dataclass
class BrokenStore(MemoryStore):
    """A store whose service does not answer when something is written."""

    def _change(self, what: str) -> None:
        raise StorageError("The object store does not answer.", remedy="Run again.")
