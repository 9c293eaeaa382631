"""What of a data root is kept in an object store, and which of its objects make others visible.

Knows names only. A folder that is written once counts when its marker is there; a marker is written after, and
removed before, what it speaks for.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import IntEnum
from fnmatch import fnmatchcase

ROOTS = ("landing", "staged", "quarantine", "quality", "marts", "overlay", "baselines", "inventory", "state")
"""First parts of what is kept. The Airflow home and the sample server's files belong to one machine."""
DIRECT = "state/budget/"
"""What is read and changed in the store itself, by all machines at the same time, and never copied (see ``shared``)."""
POINTER, RECORD = "marts/latest.json", "marts/record.json"
ATLAS = "marts/atlas/index.html"
"""Leads to pages, which are there before it."""
SHARED = (RECORD, POINTER)
"""Objects that stand for all releases: nobody may write over what somebody else has written meanwhile."""
MOST_PARTS = 8
_PART = re.compile(r"(?:\.work-|\.parts-)?[^\s./\\:*?\"<>|\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*")
_UNFINISHED = re.compile(r"\.(?:lock|part|part\.json)$")
_ONCE = (
    (re.compile(r"landing/[^/]+/[^/]+/[^./][^/]*/"), "snapshot.json"),
    (re.compile(r"staged/[^/]+/\.parts-[^/]+/[^/]+/"), "account.json"),
    (re.compile(r"marts/releases/[^/]+/"), "manifest.json"),
    (re.compile(r"baselines/[^/]+/"), "manifest.json"),
    (re.compile(r"overlay/[^/]+/[^/]+/"), "manifest.json"),
)
_NOTES = ("fingerprints.json", "suspect.json")
"""Files of a snapshot that may change."""
_MARKERS = {"report.json": 1, "gate.json": 2}


class Rank(IntEnum):
    """The order in which objects are written; they are taken away in the opposite one."""

    DATA = 0
    MARKER = 1
    GATE = 2
    POINTER = 3


def is_plain(key: str) -> bool:
    """Whether an object can be one of a data root: a plain path of ours without a way out of it."""
    parts = key.split("/")
    plain = 1 < len(parts) <= MOST_PARTS and all(_PART.fullmatch(part) for part in parts)
    return plain and parts[0] in ROOTS and not _UNFINISHED.search(key)


def is_copied(key: str) -> bool:
    """Whether an object is brought into working copies and back."""
    return is_plain(key) and not key.startswith(DIRECT)


def vouched(key: str) -> str | None:
    """Marker without which the folder that ``key`` lies in does not count; None where folders need not be whole."""
    for folder, marker in _ONCE:
        if found := folder.match(key):
            return found.group() + marker
    return None


def once(key: str) -> str | None:
    """``vouched`` for what is written once; None for what may be written again."""
    return None if key.rpartition("/")[2] in _NOTES else vouched(key)


def rank(key: str) -> Rank:
    """When ``key`` is written."""
    if key in SHARED:
        return Rank.POINTER if key == POINTER else Rank.GATE
    name = key.rpartition("/")[2]
    if key in (once(key), ATLAS) or name.endswith(".slice.json"):
        return Rank.MARKER
    return Rank(_MARKERS.get(name, 0)) if key.startswith("staged/") else Rank.DATA


def markers(key: str) -> tuple[str, ...]:
    """Objects that vouch for ``key`` and must be gone before it changes."""
    folder, _, name = key.rpartition("/")
    if key.startswith("staged/") and name not in _MARKERS and once(key) is None:
        return tuple(f"{folder}/{marker}" for marker in _MARKERS)
    return ()


def is_whole(key: str, listed: Collection[str]) -> bool:
    """Whether the folder that ``key`` lies in is complete; always, where folders need not be."""
    marker = vouched(key)
    return marker is None or marker in listed


def wanted(key: str, patterns: Collection[str]) -> bool:
    """Whether one of the patterns, in which ``*`` stands for any text, asks for ``key``."""
    return any(fnmatchcase(key, pattern) for pattern in patterns)
