"""The adapter of files mode: whatever the dataset, its files are those of a folder that are recognised as its own.

Every file is a slice and a vintage of its own, so that a folder with several releases of a dataset becomes several
snapshots.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agrocluster.errors import SourceUnavailable, UsageError
from agrocluster.http import Client
from agrocluster.importing.dating import utc_seconds
from agrocluster.importing.plan import Part, plan, usable
from agrocluster.model.fetching import Probe, RawFile, Slice, Years
from agrocluster.model.specs import DatasetSpec
from agrocluster.settings import settings
from agrocluster.storage import atomic

NOTHING = "none"
"""Stamp of a dataset of which the folder holds no file."""


class FilesAdapter:
    """Implements ``sources.base.Adapter`` for the folder in ``DATA``."""

    def probe(self, spec: DatasetSpec, client: Client, years: Years) -> Probe:  # noqa: ARG002 - protocol
        """The dataset's files with their dates; the stamp is the newest. ``details.absent`` says if there is none."""
        return probe_of(folder(), usable(plan(folder()), spec.id))

    def slices(self, spec: DatasetSpec, probe: Probe, client: Client) -> list[Slice]:  # noqa: ARG002 - protocol
        """One slice per file."""
        return slices_of(probe)

    def fetch(self, spec: DatasetSpec, probe: Probe, piece: Slice, client: Client, into: Path) -> list[RawFile]:  # noqa: ARG002
        """Copy the file. SourceUnavailable if it is no longer what the probe saw."""
        return [copy_file(Path(probe.details["folder"]), piece, into)]


def folder() -> Path:
    """The folder of files mode. UsageError in another mode."""
    found = settings().files
    if found is None:
        raise UsageError("No folder of downloads is set.", remedy="Run with SOURCES=files DATA=path/to/folder.")
    return found


def probe_of(root: Path, parts: Iterable[Part]) -> Probe:
    """What there is to land of one dataset. The fingerprint changes with content and dates, not with places."""
    listed = list(parts)
    facts = [_facts(part) for part in listed]
    lasting = [{name: fact[name] for name in ("sha256", "format", "stamp", "rank", "scope")} for fact in facts]
    fingerprint = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:32]
    stamp = max((part.dated.stamp for part in listed), default=NOTHING)
    return Probe(
        stamp,
        f"files-{fingerprint}",
        {"folder": str(root), "absent": "" if listed else "not in the folder", "parts": facts},
    )


def slices_of(probe: Probe) -> list[Slice]:
    """One slice per file of a probe; each is a vintage."""
    ids = [f"{part['stamp']}-{part['rank']}-{part['sha256'][:16]}" for part in probe.details["parts"]]
    return [{"id": i, "vintage": i, **part} for i, part in zip(ids, probe.details["parts"], strict=True)]


def copy_file(root: Path, piece: Slice, into: Path) -> RawFile:
    """Copy one file into a landing folder, with its time as the time of retrieval.

    Raises SourceUnavailable if it is gone or changed, StorageError if it cannot be written.
    """
    origin, name = root / piece["path"], _landing_name(piece)
    with atomic.replacing(into / name) as target:
        try:
            with origin.open("rb") as reading, target.open("wb") as writing:
                modified = origin.stat().st_mtime
                shutil.copyfileobj(reading, writing, 1 << 20)
        except FileNotFoundError as error:
            raise _changed(piece, "is gone") from error
        with target.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        if sha256 != piece["sha256"]:
            raise _changed(piece, "changed while it was being read")
        size = target.stat().st_size
    return RawFile(
        name=name,
        format=piece["format"],
        url=f"file:{piece['path']}",
        sha256=sha256,
        size=size,
        retrieved_at=utc_seconds(modified),
        details={"dated_by": piece["dated_by"]},
    )


def _facts(part: Part) -> dict[str, Any]:
    return {
        "path": part.path,
        "sha256": part.sha256,
        "format": part.format,
        "scope": part.scope,
        "stamp": part.dated.stamp,
        "rank": part.dated.rank,
        "dated_by": part.dated.by,
    }


def _landing_name(piece: Slice) -> str:
    base = re.sub(r"[^A-Za-z0-9._()-]+", "_", Path(piece["path"]).name).lstrip(".")
    return f"{piece['sha256'][:8]}-{base[-120:]}"


def _changed(piece: Slice, problem: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"The file {piece['path']} {problem}.", remedy="Run again when nobody writes to the folder."
    )


ADAPTER = FilesAdapter()
