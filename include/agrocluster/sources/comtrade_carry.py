"""What need not be asked again: files of earlier fetches whose reports have not changed since.

A file answers for units (``Scope.unit``) and records what each was when it was asked. Units that are still the same
are taken over with their file, by a hard link; the others' records in that file are left out when it is read
(``without_reporters``, ``without_periods``). Snapshots that were refused are not taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agrocluster.model.fetching import RawFile
from agrocluster.settings import settings
from agrocluster.sources.comtrade_plan import Scope
from agrocluster.storage import atomic, landing

ASKED = ".asked.json"
"""Ending of the record of one question in a work folder: the question, and its file or the parts it was split into."""
WITHOUT = {"reporter": "without_periods", "partner": "without_reporters"}
"""View of a dataset -> detail that names what a newer file replaces."""

Found = tuple[Path, list[RawFile]]


def still_valid(files: Iterable[RawFile], scope: Scope, wanted: Mapping[str, str]) -> tuple[list[RawFile], set[str]]:
    """Files of one complete fetch that hold units as ``wanted``, told what to leave out, and the units they hold."""
    kept: list[RawFile] = []
    covered: set[str] = set()
    field = WITHOUT[scope.view]
    for file in files:
        known: dict[str, str] = file.details["signatures"]
        replaced = {str(unit) for unit in file.details.get(field, ())}
        valid = {unit for unit, signature in known.items() if unit not in replaced and wanted.get(unit) == signature}
        if not valid:
            continue
        covered |= valid
        details = {name: value for name, value in file.details.items() if name != field}
        if left_out := sorted(set(known) - valid):
            details[field] = [int(unit) for unit in left_out] if scope.view == "partner" else left_out
        kept.append(replace(file, details=details))
    return kept, covered


def earlier(dataset_id: str, slice_id: str, scope: Scope, work: Path) -> Iterator[Found]:
    """Earlier fetches of a slice, best first: snapshots, the newest first, then fetches that were overtaken.

    Of an unfinished fetch only answers about all products and flows count: the others may lack their counterparts.
    """

    def of_slice(file: RawFile) -> bool:
        return file.details.get("slice") == slice_id and file.details.get("scope") == scope.as_dict()

    for snapshot in reversed(list(landing.snapshots(dataset_id))):
        if not landing.is_suspect(snapshot) and (files := [file for file in snapshot.files if of_slice(file)]):
            yield snapshot.path, files
    for folder in landing.unfinished(dataset_id, work):
        records = [atomic.read_json(path) for path in sorted(folder.glob(f"*{ASKED}"))]
        files = [RawFile(**r["file"]) for r in records if r["file"] and r["world"] == settings().world]
        if whole := [file for file in files if of_slice(file) and file.details["whole"]]:
            yield folder, whole


def held(dataset_id: str, slice_id: str, scope: Scope, wanted: Mapping[str, str], work: Path) -> set[str]:
    """Units of a slice that an earlier fetch holds as ``wanted``; nothing is linked."""
    return {unit for _, _, units in _usable(dataset_id, slice_id, scope, wanted, work) for unit in units}


def take_over(
    dataset_id: str, slice_id: str, scope: Scope, wanted: Mapping[str, str], work: Path
) -> tuple[list[RawFile], set[str]]:
    """Link what is still valid into ``work``; returns those files and the units they hold."""
    files: list[RawFile] = []
    covered: set[str] = set()
    for folder, kept, units in _usable(dataset_id, slice_id, scope, wanted, work):
        if not units & covered and all(landing.take_over(folder, file, work) for file in kept):
            files += kept
            covered |= units
    return files, covered


def _usable(
    dataset_id: str, slice_id: str, scope: Scope, wanted: Mapping[str, str], work: Path
) -> Iterator[tuple[Path, list[RawFile], set[str]]]:
    """Folders with files that are still valid, and the units they hold that no better folder holds."""
    left, names = dict(wanted), set[str]()
    for folder, candidates in earlier(dataset_id, slice_id, scope, work):
        kept, units = still_valid(candidates, scope, left)
        if kept and not names & {file.name for file in kept}:
            yield folder, kept, units
            names |= {file.name for file in kept}
            left = {unit: signature for unit, signature in left.items() if unit not in units}


def asked_record(work: Path, name: str) -> Path:
    """Where the record of the question called ``name`` lies."""
    return work / f"{name}{ASKED}"


def answered(work: Path, slice_id: str) -> int:
    """Number of questions of a slice that were asked already."""
    return sum(1 for _ in work.glob(f"{slice_id}-*{ASKED}"))


def note_asked(
    work: Path, name: str, *, file: dict[str, Any] | None = None, parts: list[dict[str, Any]] | None = None
) -> None:
    """Record that a question was answered, or that its answer was cut off and which parts it was split into."""
    atomic.write_json(asked_record(work, name), {"world": settings().world, "file": file, "parts": parts})
