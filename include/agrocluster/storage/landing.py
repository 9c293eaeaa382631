"""Landing: the raw bytes of every fetch, unchanged, with hash, address, time and licence.

A fetch fills a work folder slice by slice; slices that are already there are not fetched again, so an
interrupted fetch goes on where it stopped. ``seal`` turns the work folder into an immutable snapshot, named
after the source's stamp and the content, so the same content is never kept twice.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from agrocluster.errors import StorageError
from agrocluster.model.fetching import Probe, RawFile
from agrocluster.settings import settings
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout

Scope = Literal["full", "partial"]
WORK = ".work-"
"""Prefix of the folders in which unfinished fetches collect their slices; kept across restarts."""
SUSPECT = "suspect.json"
"""Lies in a snapshot whose content was refused; a publisher may mend a file without changing its stamp."""


@dataclass(frozen=True)
class Snapshot:
    """An immutable set of raw files of one dataset and one release of its publisher.

    ``scope`` full: replaces all older vintages. partial: a selection; the newest vintage wins cell by cell.
    """

    dataset_id: str
    snapshot_id: str
    stamp: str
    fingerprint: str
    scope: Scope
    mode: str
    files: tuple[RawFile, ...]
    path: Path

    def file(self, raw: RawFile) -> Path:
        """Where the bytes of ``raw`` lie."""
        return self.path / raw.name


def work_folder(dataset_id: str, probe: Probe) -> Path:
    """The folder in which a fetch collects its slices; the same for the same probe, so work is resumed."""
    key = hashlib.sha256(f"{settings().mode}\0{probe.fingerprint}".encode()).hexdigest()[:16]
    return layout().landing(dataset_id) / f"{WORK}{key}"


def has_slice(work: Path, slice_id: str) -> bool:
    """Whether a slice was fetched completely before."""
    return _slice_record(work, slice_id).exists()


def keep_slice(work: Path, slice_id: str, files: Iterable[RawFile]) -> None:
    """Record that a slice is complete. Its files must lie in ``work`` already."""
    atomic.write_json(_slice_record(work, slice_id), [asdict(f) for f in files])


def slice_files(work: Path, slice_id: str) -> list[RawFile]:
    """The files of a slice that was fetched completely."""
    return [RawFile(**entry) for entry in atomic.read_json(_slice_record(work, slice_id))]


def seal(
    dataset_id: str,
    probe: Probe,
    slice_ids: Iterable[str],
    *,
    scope: Scope,
    stamp: str | None = None,
    rank: str = "",
) -> Snapshot:
    """Turn the fetched slices into a snapshot. Idempotent: the same content gives the same snapshot.

    ``rank`` orders snapshots with equal stamps: it stands in their ids between stamp and content.

    Raises StorageError when a slice is missing.
    """
    work = work_folder(dataset_id, probe)
    files: list[RawFile] = []
    for slice_id in slice_ids:
        if not has_slice(work, slice_id):
            raise StorageError(f"Slice {slice_id} of {dataset_id} was not fetched.", remedy="Run the ingest Dag again.")
        files.extend(slice_files(work, slice_id))
    return keep_snapshot(dataset_id, stamp or probe.stamp, probe.fingerprint, scope, work, files, rank=rank)


def keep_snapshot(
    dataset_id: str,
    stamp: str,
    fingerprint: str,
    scope: Scope,
    folder: Path,
    files: list[RawFile],
    *,
    rank: str = "",
) -> Snapshot:
    """Move ``files`` from ``folder`` into a new snapshot (or find the equal one that exists)."""
    # The same files may be all there is today and a selection tomorrow; the two replace different things.
    facts = [f"{f.name}\0{f.sha256}\n" for f in files] + ([] if scope == "full" else [scope])
    digest = hashlib.sha256("".join(sorted(facts)).encode()).hexdigest()
    snapshot_id = "-".join(part for part in (slug(stamp), rank, digest[:8]) if part)
    home = layout().landing(dataset_id)
    final = home / snapshot_id
    if not (final / "snapshot.json").exists():
        record = {
            "dataset_id": dataset_id,
            "snapshot_id": snapshot_id,
            "stamp": stamp,
            "fingerprint": fingerprint,
            "scope": scope,
            "mode": settings().mode,
            "files": [asdict(f) for f in files],
        }
        with atomic.folder(final) as temporary:
            for file in files:
                (temporary / file.name).hardlink_to(folder / file.name)
            atomic.write_json(temporary / "fingerprints.json", [fingerprint])
            atomic.write_json(temporary / "snapshot.json", record)
    _note_fingerprint(final, fingerprint)
    return load(dataset_id, snapshot_id)


def take_over(folder: Path, raw: RawFile, work: Path) -> bool:
    """Link a file that was fetched before into a work folder, so that it need not be fetched again.

    False, and nothing is linked, if the file in ``folder`` is gone or no longer what was fetched.
    """
    old, new = folder / raw.name, work / raw.name
    if not old.exists() or _digest(old) != raw.sha256:
        return False
    if not new.exists():
        with atomic.writing(new):
            new.hardlink_to(old)
    return True


def unfinished(dataset_id: str, work: Path) -> Iterator[Path]:
    """Work folders of a dataset other than ``work``: fetches that were overtaken by a new release."""
    for folder in sorted(layout().landing(dataset_id).glob(f"{WORK}*")):
        if folder.is_dir() and folder != work:
            yield folder


def discard_work(dataset_id: str, probe: Probe) -> None:
    """Remove the work folder of a fetch that has been sealed, and older ones that it has overtaken.

    Whoever looks sees all of a folder or nothing.
    """
    work = work_folder(dataset_id, probe)
    if work.exists():
        begun = work.stat().st_ctime
        overtaken = [folder for folder in unfinished(dataset_id, work) if folder.stat().st_mtime < begun]
        for folder in (*overtaken, work):
            doomed = atomic.new_folder(folder.parent)
            folder.rename(doomed / "work")
            shutil.rmtree(doomed, ignore_errors=True)


def load(dataset_id: str, snapshot_id: str) -> Snapshot:
    """Read a snapshot's record. StorageError if there is none."""
    path = layout().landing(dataset_id) / snapshot_id
    if not (path / "snapshot.json").exists():
        raise StorageError(
            f"Landing holds no snapshot {snapshot_id} of {dataset_id}.", remedy="Run the ingest Dag again."
        )
    record: dict[str, Any] = atomic.read_json(path / "snapshot.json")
    files = tuple(RawFile(**entry) for entry in record.pop("files"))
    return Snapshot(**record, files=files, path=path)


def snapshots(dataset_id: str) -> Iterator[Snapshot]:
    """All snapshots of a dataset in this run's world (sample or real), oldest stamp first."""
    world = settings().world
    for record in sorted(layout().landing(dataset_id).glob("*/snapshot.json")):
        if not record.parent.name.startswith("."):
            snapshot = load(dataset_id, record.parent.name)
            if ("sample" if snapshot.mode == "sample" else "real") == world:
                yield snapshot


def verify(snapshot: Snapshot) -> None:
    """Raise StorageError if a landed file is no longer what was fetched."""
    for raw in snapshot.files:
        if _digest(snapshot.file(raw)) != raw.sha256:
            raise StorageError(
                f"{snapshot.file(raw)} is damaged: its hash is not the one recorded when it was fetched.",
                remedy=f"Delete the folder {snapshot.path} and run again; it will be fetched anew.",
            )


def suspect(dataset_id: str, snapshot_id: str, problem: str) -> None:
    """Note that a snapshot could not be staged or accepted: the next check fetches again, the bytes stay."""
    atomic.write_json(layout().landing(dataset_id) / snapshot_id / SUSPECT, {"problem": problem})


def clear(dataset_id: str, snapshot_id: str) -> None:
    """Take back what ``suspect`` noted."""
    (layout().landing(dataset_id) / snapshot_id / SUSPECT).unlink(missing_ok=True)


def is_suspect(snapshot: Snapshot) -> bool:
    """Whether the content of a snapshot was refused."""
    return (snapshot.path / SUSPECT).exists()


def known_fingerprints(dataset_id: str, *, whole: bool = False) -> dict[str, list[str]]:
    """Probe fingerprints -> ids of the snapshots that answered them, suspects left out, in this run's world.

    With ``whole`` selections are left out, too: they never stand for the dataset.
    """
    found: dict[str, list[str]] = {}
    for snapshot in snapshots(dataset_id):
        if is_suspect(snapshot) or (whole and snapshot.scope == "partial"):
            continue
        for fingerprint in atomic.read_json(snapshot.path / "fingerprints.json"):
            found.setdefault(fingerprint, []).append(snapshot.snapshot_id)
    return found


def slug(text: str) -> str:
    """``text`` made safe for a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "undated"


def _note_fingerprint(path: Path, fingerprint: str) -> None:
    record = path / "fingerprints.json"
    known = atomic.read_json(record) if record.exists() else []
    if fingerprint not in known:
        atomic.write_json(record, sorted([*known, fingerprint]))


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _slice_record(work: Path, slice_id: str) -> Path:
    return work / f"{slug(slice_id)}.slice.json"
