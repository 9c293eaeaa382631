"""Versions of the practitioner overlay: what was imported, what of it was accepted, what was rejected and why.

``<data>/overlay/<world>/v<N>/`` holds ``form.csv`` (the bytes as given), ``accepted.csv``, ``rejected.csv`` and
``manifest.json``. A version appears whole or not at all, is never written again, and the newest one is read. What a
form must look like is decided in ``agrocluster.overlay``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from agrocluster.errors import StorageError
from agrocluster.settings import settings
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

MANIFEST = "manifest.json"
Rows = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Overlay:
    """One imported version. ``manifest``: version, world, source name, numbers of rows, names and hashes of files."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def overlay_id(self) -> str:
        """``overlay@v<N>-<first figures of its hash>``."""
        return f"overlay@v{self.manifest['version']}-{self.digest[:10]}"

    @property
    def digest(self) -> str:
        """SHA-256 over what was accepted and its version; the time of the import does not enter."""
        return hashlib.sha256(
            f"{self.manifest['version']} {self.manifest['files']['accepted.csv']}".encode()
        ).hexdigest()

    def accepted(self) -> list[dict[str, str]]:
        """The accepted lines by field, all as text. StorageError when the file is not what was written."""
        path = self.folder / "accepted.csv"
        if not path.exists() or file_sha256(path) != self.manifest["files"]["accepted.csv"]:
            raise StorageError(
                f"{path} is not what was imported.",
                remedy="Import the form again; `form.csv` beside it holds what was given.",
            )
        with path.open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))


def latest(world: str | None = None) -> Overlay | None:
    """The newest version of a world (``sample``, ``real``; by default that of this run), or None."""
    found = _versions(world or settings().world)
    return found[-1] if found else None


def table(overlay: Overlay | None, columns: Sequence[str]) -> pa.Table:
    """``overlay_id`` and ``columns`` of the accepted lines as text, empty where a line has none."""
    rows = overlay.accepted() if overlay else []
    names = {"overlay_id": [overlay.overlay_id] * len(rows) if overlay else []}
    named = names | {name: [row.get(name, "") for row in rows] for name in columns}
    return pa.table({name: pa.array(values, pa.string()) for name, values in named.items()})


def write(given: bytes, source: str, accepted: Rows, rejected: Rows, imported_at: str) -> tuple[Overlay, bool]:
    """Keep a checked form as the next version, unless the newest one holds the same.

    Args:
        given: the bytes of the form.
        source: name of its file.
        accepted, rejected: lines by column, all as text.
        imported_at: UTC time, ISO format.

    Returns the version and whether it is new.
    """
    world = settings().world
    root = layout().overlays / world
    files = {"form.csv": given, "accepted.csv": _csv(accepted), "rejected.csv": _csv(rejected)}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    with exclusive(root / ".lock"):
        known = _versions(world)
        if known and known[-1].manifest["files"] == hashes:
            return known[-1], False
        version = known[-1].manifest["version"] + 1 if known else 1
        counts = {"accepted": len(accepted), "rejected": len(rejected)}
        manifest = {"version": version, "world": world, "source": source, "imported_at": imported_at, "files": hashes}
        final = root / f"v{version}"
        with atomic.folder(final) as temporary:
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            (temporary / MANIFEST).write_bytes(atomic.to_json(manifest | counts))
        return Overlay(final, manifest | counts), True


def _versions(world: str) -> list[Overlay]:
    found = [Overlay(p.parent, atomic.read_json(p)) for p in (layout().overlays / world).glob(f"v*/{MANIFEST}")]
    return sorted(found, key=lambda overlay: int(overlay.manifest["version"]))


def _csv(rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
