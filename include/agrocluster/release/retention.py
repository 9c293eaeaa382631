"""Which old releases go, and removing them. Landing, staged vintages and frozen baselines are never touched here.

Kept is whatever somebody may still read or need: the current release and the one before it, those on hold, pinned or
frozen from, the newest of every data mode, and those that were current a short time ago, whose readers may not have
finished.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agrocluster.errors import UsageError
from agrocluster.release import history, record
from agrocluster.release.limits import DAYS, KEEP
from agrocluster.release.pointer import lock
from agrocluster.storage import atomic, frozen
from agrocluster.storage.paths import layout


def plan(keep: int = KEEP, days: int = DAYS) -> list[dict[str, Any]]:
    """Every release, newest first, with ``release``, ``data_mode``, ``remove`` and ``reason``, why it stays or goes.

    Args:
        keep: newest releases of each data mode that stay.
        days: a release stays for as long after it was the current one.

    Raises UsageError for ``keep`` below 1 or ``days`` below 0.
    """
    if keep < 1 or days < 0:
        raise UsageError(
            "At least one release of each data mode is kept.", remedy="Use --keep 1 or more, --days 0 or more."
        )
    listed, known = history.releases(), record.entries()
    frozen_from = {f.manifest["release_id"]: f.frozen_id for f in reversed(frozen.known())}
    last_read = _left(known)
    horizon = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    current = next((entry["release"] for entry in listed if entry["current"]), None)
    before = history.previous(current) if current else None
    number: Counter[str] = Counter()
    found = []
    for entry in listed:
        name = entry["release"]
        number[entry["data_mode"]] += 1
        reasons = {
            "current": entry["current"],
            "before the current one": name == before,
            "on hold": entry["held"],
            "pinned": entry["pinned"],
            f"frozen as {frozen_from.get(name)}": name in frozen_from,
            "damaged: look at it first": bool(entry["problem"]),
            f"one of the {keep} newest of its data mode": number[entry["data_mode"]] <= keep,
            f"was current less than {days} days ago": last_read.get(name, _first(known)) > horizon,
        }
        reason = next((text for text, holds in reasons.items() if holds), "")
        mode = {"release": name, "data_mode": entry["data_mode"], "label": entry["label"]}
        found.append({**mode, "remove": not reason, "reason": reason or "older than what is kept"})
    return found


def prune(keep: int = KEEP, days: int = DAYS) -> list[str]:
    """Remove what ``plan`` finds; returns the ids. A release goes at once and whole, and the record says so."""
    with lock():
        names = [entry["release"] for entry in plan(keep, days) if entry["remove"]]
        for name in names:
            record.add("removed", name, note=f"retention: keep {keep}, {days} days")
            folder, going = layout().releases / name, atomic.new_folder(layout().releases)
            with atomic.writing(folder):
                folder.rename(going / name)
                shutil.rmtree(going)
    return names


def _left(known: Sequence[record.Entry]) -> dict[str, str]:
    """Release -> when the pointer last moved away from it."""
    found: dict[str, str] = {}
    current = None
    for entry in (e for e in known if record.is_switch(e)):
        if current is not None and entry["release"] != current:
            found[current] = entry["at"]
        current = entry["release"]
    return found


def _first(known: Sequence[record.Entry]) -> str:
    """When writing down began: a release that the record does not know was current before that, or then."""
    return str(known[0]["at"]) if known else datetime.now(UTC).isoformat()
