"""How fetching from a publisher went, kept beside landing: for the people who watch over sources, not for data.

Times differ from run to run, so nothing here may enter a vintage or a release. One file per dataset and world, with one
entry per check and one per fetch (all slices of a fetch add up), and no more than the newest ``KEPT`` of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agrocluster.settings import settings
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.paths import layout

Entry = dict[str, Any]
Structure = Mapping[str, Sequence[str]]
"""Kind of raw file -> names of its fields, in their order."""
KEPT = 60
"""Entries kept of each kind; a daily check fills two months."""
_SUMS = ("answers", "retries", "seconds", "files", "bytes", "failures")


def entries(dataset_id: str) -> list[Entry]:
    """What was noted, oldest first. StorageError when the file is damaged.

    Each has ``kind`` (check or fetch), ``key`` (one per release of the publisher), ``began`` and ``ended`` (UTC, ISO
    8601), ``answers``, ``retries``, ``seconds`` (to the first byte, over all answers), ``slowest``, ``files``,
    ``bytes``, ``failures`` and ``structure``.
    """
    path = _path(dataset_id)
    return list(atomic.read_json(path)) if path.exists() else []


def note(
    dataset_id: str,
    kind: Literal["check", "fetch"],
    key: str = "",
    structures: Iterable[Structure] = (),
    **counts: float,
) -> None:
    """Add ``counts`` to the entry of a fetch (the same ``key``), or make a new one; a check is always a new one.

    ``structures``: that of every file of the slice; fields of files of one kind are put together.
    """
    path, now = _path(dataset_id), datetime.now(UTC).isoformat(timespec="seconds")
    with exclusive(path.with_suffix(".lock")):
        known = entries(dataset_id)
        entry = next((e for e in reversed(known) if kind == "fetch" and (e["kind"], e["key"]) == (kind, key)), None)
        if entry is None:
            entry = {"kind": kind, "key": key, "began": now, "slowest": 0.0, "structure": {}, **dict.fromkeys(_SUMS, 0)}
            known.append(entry)
        entry |= {name: entry[name] + counts.get(name, 0) for name in _SUMS}
        entry["seconds"] = round(entry["seconds"], 3)
        entry |= {"ended": now, "slowest": round(max(entry["slowest"], counts.get("slowest", 0.0)), 3)}
        for name, fields in (pair for structure in structures for pair in structure.items()):
            entry["structure"][name] = list(dict.fromkeys([*entry["structure"].get(name, ()), *fields]))
        of_kind = [e for e in known if e["kind"] == kind][-KEPT:]
        atomic.write_json(path, [e for e in known if e["kind"] != kind or any(e is k for k in of_kind)])


def _path(dataset_id: str) -> Path:
    return layout().root / "state" / "health" / settings().world / f"{dataset_id}.json"
