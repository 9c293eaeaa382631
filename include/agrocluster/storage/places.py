"""Folders to read from, on this machine or in an object store that fsspec knows; one way to name and read files.

It never writes and imports fsspec only for an address with a protocol (``s3://bucket/agrocluster``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agrocluster.errors import StorageError, UsageError

Root = str | os.PathLike[str] | None
"""How people name a place: a folder, an address, or nothing for the configured data root."""


@dataclass(frozen=True)
class Place:
    """A file or folder.

    Attributes:
        path: absolute path, or the path within the store.
        address: what DuckDB and people open: the path, or the address with its protocol.
        store: fsspec file system; None on this machine.
    """

    path: str
    address: str
    store: Any = None

    @classmethod
    def at(cls, root: str | os.PathLike[str]) -> Self:
        """The place that ``root`` names. UsageError where fsspec or the driver of its protocol is not installed."""
        text = os.fspath(root)
        if "://" not in text:
            path = str(Path(text).expanduser().resolve())
            return cls(path, path)
        try:
            from fsspec.core import url_to_fs

            store, path = url_to_fs(text)
        except (ImportError, ValueError) as error:
            raise UsageError(
                f"{text} cannot be opened: {error}.",
                remedy="Install fsspec and the driver of that protocol (s3fs, gcsfs, adlfs), or name a folder.",
            ) from error
        return cls(path.rstrip("/"), store.unstrip_protocol(path).rstrip("/"), store)

    def __truediv__(self, name: str) -> Self:
        return type(self)(f"{self.path}/{name}", f"{self.address}/{name}", self.store)

    def read(self) -> bytes | None:
        """The file's bytes; None where there is no such file. StorageError when it cannot be read."""
        try:
            return bytes(self.store.cat_file(self.path)) if self.store else Path(self.path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StorageError(
                f"{self.address} cannot be read: {error}.", remedy="Check permissions, credentials and connection."
            ) from error

    def exists(self) -> bool:
        """Whether there is such a file."""
        return bool(self.store.exists(self.path)) if self.store else Path(self.path).is_file()

    def names(self) -> list[str]:
        """Names of what lies in the folder, sorted; none where there is no such folder."""
        try:
            if self.store is None:
                return sorted(path.name for path in Path(self.path).iterdir())
            self.store.invalidate_cache()
            return sorted(str(path).rstrip("/").rpartition("/")[2] for path in self.store.ls(self.path, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
