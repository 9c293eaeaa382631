"""Which vintages the files of a folder make: one per file and dataset.

A file is a vintage of its own however many lie beside it, so that importing one file more never changes what was
imported before, and two files that contradict each other never meet in one table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from agrocluster.importing.dating import Dated, date_file, faostat_layout, utc_seconds
from agrocluster.importing.examine import Extent
from agrocluster.importing.findings import Scope
from agrocluster.importing.inventory import Looked, look_through
from agrocluster.storage import landing


@dataclass(frozen=True)
class Item:
    """A file, and the vintages it goes into; ``duplicate_of`` names an earlier file with the same bytes."""

    file: Looked
    parts: tuple[Part, ...] = ()
    duplicate_of: str = ""


@dataclass(frozen=True)
class Part:
    """One file for one dataset: one vintage."""

    dataset_id: str
    format: str
    path: str
    sha256: str
    scope: Scope
    dated: Dated
    extent: Extent


def _as_landed(part: Part) -> Part:
    """``part`` under the date it was first landed with, where only the file system dates it: copies look young."""
    if not part.dated.weak:
        return part
    stamps = [
        snapshot.stamp
        for snapshot in landing.snapshots(part.dataset_id)
        if any(file.sha256 == part.sha256 and file.format == part.format for file in snapshot.files)
    ]
    return replace(part, dated=replace(part.dated, stamp=min([part.dated.stamp, *stamps])))


def plan(root: Path, *, vintage: str | None = None, paths: Iterable[Path] | None = None) -> list[Item]:
    """All files below ``root`` (or only ``paths``) with the vintages they make.

    Args:
        vintage: ISO date for files without a stamp inside.
    """
    seen: dict[str, str] = {}
    items = []
    for file in look_through(root.resolve(), paths):
        first = seen.setdefault(file.sha256 or file.path, file.path)
        if first != file.path and file.state == "data":
            items.append(Item(file, duplicate_of=first))
        else:
            items.append(Item(file, tuple(_as_landed(_part(file, extent, vintage)) for extent in file.extents)))
    return items


def usable(items: Iterable[Item], dataset_id: str | None = None) -> list[Part]:
    """Parts that can be landed, of all datasets or one, in the order of age."""
    parts = [part for item in items for part in item.parts if not part.extent.problem]
    mine = [part for part in parts if dataset_id in (None, part.dataset_id)]
    return sorted(mine, key=lambda part: (part.dataset_id, part.dated.stamp, part.dated.rank, part.sha256))


def _part(file: Looked, extent: Extent, vintage: str | None) -> Part:
    generation, latest = file.generation, file.latest
    if extent.format == "faostat_csv":
        generation, shown = faostat_layout(frozenset(extent.marks), generation)
        latest = latest or shown
    dated = date_file(
        inside=file.stamp,
        vintage=vintage,
        name=Path(file.path).name,
        modified=utc_seconds(file.mtime_ns / 1e9),
        latest=latest,
        generation=generation,
        last_year=file.last_year or extent.last_year,
    )
    if extent.scope == "full":
        dated = replace(dated, rank="")
    return Part(extent.dataset_id, extent.format, file.path, file.sha256, extent.scope, dated, extent)
