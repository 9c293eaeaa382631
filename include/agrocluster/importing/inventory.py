"""What lies in a folder: every file recognised, hashed and read once, remembered as long as nothing changes.

The memory lies in the data root, so that the Dags of all datasets do not read the folder one after the other; a
file is looked at again when its size or time, or the code that reads it, changes. Links are not followed; hidden
files and the data root itself are left alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agrocluster.errors import UsageError
from agrocluster.importing.examine import EMPTY, Extent, examine
from agrocluster.importing.findings import Recognised, Unrecognised
from agrocluster.importing.recognise import recognise
from agrocluster.staging import staging_fingerprint
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout

MAX_FILES = 20_000
MAX_BYTES = 32 * 1024**3


@dataclass(frozen=True)
class Looked:
    """One file and all that is known about it.

    Attributes:
        path: below the folder, with forward slashes.
        size: bytes; mtime_ns: its time in the file system; sha256: empty for files that were not opened.
        state: ``data``, ``companion``, ``other``, ``unknown`` or ``broken``.
        what: publisher and kind, empty for unknown files; note: the reason or hint.
        stamp, latest, last_year, generation: as in ``findings.Recognised``.
        extents: what each dataset finds in it.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    state: str
    what: str = ""
    note: str = ""
    stamp: str | None = None
    latest: str | None = None
    last_year: int | None = None
    generation: int = 0
    extents: tuple[Extent, ...] = ()


def look_through(root: Path, paths: Iterable[Path] | None = None) -> list[Looked]:
    """All files below ``root`` (or only ``paths``, which lie below it), in the order of their paths.

    Raises UsageError when there are more than ``MAX_FILES``, StorageError when the memory cannot be written.
    """
    found = sorted(paths) if paths is not None else _walk(root)
    if len(found) > MAX_FILES:
        raise UsageError(
            f"{root} holds {len(found):,} files, more than {MAX_FILES:,}.",
            remedy="Name the folder that holds the downloads only.",
        )
    key = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    memory = layout().root / "inventory" / f"{key}.json"
    with _alone(memory):
        known = _remembered(memory)
        looked = [_look(root, path, known) for path in found]
        fresh = {item.path: asdict(item) for item in looked if item.sha256}
        kept = fresh if paths is None else {**known, **fresh}
        if kept != known:
            atomic.write_json(memory, {"code": staging_fingerprint(), "folder": str(root), "files": kept})
    return looked


def _walk(root: Path) -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".") and Path(folder) / name != layout().root]
        found.extend(Path(folder) / name for name in files if not name.startswith("."))
        found.extend(Path(folder) / name for name in folders if (Path(folder) / name).is_symlink())
        if len(found) > MAX_FILES:
            break
    return sorted(found)


def _look(root: Path, path: Path, known: dict[str, Any]) -> Looked:
    name = path.relative_to(root).as_posix()
    try:
        facts = path.lstat()
    except OSError as error:
        return Looked(name, 0, 0, "", "broken", note=f"It cannot be read ({error.strerror}).")
    if reason := _refused(facts):
        return Looked(name, facts.st_size, facts.st_mtime_ns, "", "unknown", note=reason)
    before = known.get(name)
    if before and (before["size"], before["mtime_ns"]) == (facts.st_size, facts.st_mtime_ns):
        extents = tuple(Extent(**{**e, "marks": tuple(e["marks"])}) for e in before["extents"])
        return Looked(**{**before, "extents": extents})
    return _open(path, name, facts)


def _open(path: Path, name: str, facts: os.stat_result) -> Looked:
    try:
        with path.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        note = f"It cannot be read ({error.strerror})."
        return Looked(name, facts.st_size, facts.st_mtime_ns, "", "broken", note=note)
    finding = recognise(path)
    base = (name, facts.st_size, facts.st_mtime_ns, sha256)
    if isinstance(finding, Unrecognised):
        return Looked(*base, "broken" if finding.broken else "unknown", note=finding.reason)
    extents = tuple(examine(path, use, sha256) for use in finding.uses)
    return Looked(*base, _state(finding, extents), **_facts(finding), extents=extents)


def _state(finding: Recognised, extents: tuple[Extent, ...]) -> str:
    if not extents or not all(extent.problem for extent in extents):
        return finding.kind
    return "other" if all(extent.problem == EMPTY for extent in extents) else "broken"


def _facts(finding: Recognised) -> dict[str, Any]:
    names = ("what", "note", "stamp", "latest", "last_year", "generation")
    return {name: getattr(finding, name) for name in names}


def _refused(facts: os.stat_result) -> str:
    if stat.S_ISLNK(facts.st_mode):
        return "A symbolic link, not followed; copy the file into the folder."
    if not stat.S_ISREG(facts.st_mode):
        return "No regular file."
    if facts.st_size > MAX_BYTES:
        return f"Larger than the {MAX_BYTES >> 30} GiB that are read."
    return ""


def _remembered(memory: Path) -> dict[str, Any]:
    if not memory.exists():
        return {}
    record = atomic.read_json(memory)
    return dict(record["files"]) if record["code"] == staging_fingerprint() else {}


@contextmanager
def _alone(memory: Path) -> Iterator[None]:
    """One process at a time looks through a folder; the others wait and find its memory."""
    with atomic.writing(memory):
        memory.parent.mkdir(parents=True, exist_ok=True)
        handle = memory.with_suffix(".lock").open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
