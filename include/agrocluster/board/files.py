"""Files of a release for those who download them: which there are, their hash, and their bytes in pieces.

A name counts only if it is one of those that lie in the folder, so no name can lead out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from agrocluster.errors import NotHeld
from agrocluster.release import reading
from agrocluster.storage.places import Place

PIECE = 1 << 20
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "sql": "application/sql",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yaml": "application/yaml",
}
"""Ending -> content type; other files are bytes."""


@dataclass(frozen=True)
class Held:
    """A file of a release. ``mart`` is its entry in the manifest; None for documents."""

    name: str
    size: int
    place: Place
    mart: dict[str, Any] | None

    @property
    def type(self) -> str:
        """Content type."""
        return TYPES.get(self.name.rpartition(".")[2], "application/octet-stream")

    @property
    def sha256(self) -> str:
        """Hash of the bytes: as published, or of what lies there."""
        return str(self.mart["sha256"]) if self.mart else _hash(self.place, self.size)

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a MiB at a time."""
        with self.place.store.open(self.place.path) if self.place.store else Path(self.place.path).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def listed(place: Place) -> dict[str, int]:
    """Name -> bytes of every file in the folder of a release and below, by name; hidden ones and links are none."""
    if place.store is not None:
        sizes = place.store.du(place.path, total=False).items()
        found = {path.removeprefix(f"{place.path}/"): int(size) for path, size in sizes}
    else:
        home = Path(place.path)
        files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
        found = {path.relative_to(home).as_posix(): path.stat().st_size for path in files}
    return {name: found[name] for name in sorted(found) if not any(part.startswith(".") for part in name.split("/"))}


def held(release: str, name: str) -> Held:
    """A file of a release. UsageError for an unknown release, NotHeld for a name that is not in its folder."""
    manifest, place = reading.locate(release)
    files = listed(place)
    if name not in files:
        like = reading.alike(name, files)
        remedy = f"Did you mean {' or '.join(like)}?" if like else "api/releases/<release>/files lists what there is."
        raise NotHeld(f"Release {release} has no file {name!r}.", remedy=remedy)
    mart = next((entry for entry in manifest["marts"] if entry["path"] == name), None)
    where = place
    for part in name.split("/"):
        where = where / part
    return Held(name, files[name], where, mart)


@lru_cache(maxsize=512)
def _hash(place: Place, size: int) -> str:
    """Hash of a document; releases never change, so once is enough. ``size`` tells a replaced one."""
    del size
    with place.store.open(place.path) if place.store else Path(place.path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
