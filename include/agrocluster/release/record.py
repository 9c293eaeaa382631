"""What was done with releases, when, by whom and why: ``marts/record.json``, oldest first, only ever added to.

A release folder says nothing of time, so that equal inputs give equal bytes; that is why it is written down here, with
what a folder cannot say either: which releases are on hold after a rollback, and which are pinned. Decides nothing.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from agrocluster.errors import StorageError
from agrocluster.release import reading
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout
from agrocluster.storage.places import Root

Event = Literal["published", "rolled_back", "resumed", "pinned", "unpinned", "removed"]
NAME = "record.json"
SWITCHES = ("published", "rolled_back", "resumed")
"""Events that make ``release`` the current one; a hold that was lifted under another release names that ``current``."""
Entry = dict[str, Any]


def entries(root: Root = None) -> list[Entry]:
    """Every entry: ``at`` (UTC, ISO), ``event``, ``release``, ``by``, ``note``. A rollback has ``left``, the release it
    turned away from (empty where the pointer was lost), a publication ``sums``, the hash of the list of files that was
    published. Empty before the first release."""
    place = reading.home(root) / NAME
    data = place.read()
    if data is None:
        return []
    try:
        return [dict(entry) for entry in json.loads(data)]
    except ValueError as error:
        raise StorageError(
            f"{place.address} is damaged: {error}.",
            remedy="Put it back from a copy of the data root, or move it away: holds, pins and dates start anew.",
        ) from error


def add(event: Event, release: str, *, note: str = "", by: str = "", **more: str) -> Entry:
    """Append one entry; the caller holds ``publish.lock``. ``by`` is the user of this process when left out."""
    entry = {"at": datetime.now(UTC).isoformat(timespec="microseconds"), "event": event, "release": release}
    entry |= {"by": by or _user(), "note": note, **more}
    atomic.write_json(layout().marts / NAME, [*entries(), entry])
    return entry


def published_at(known: Sequence[Entry]) -> dict[str, str]:
    """Release -> when it was published first, since it was removed if it was."""
    found: dict[str, str] = {}
    for entry in known:
        if entry["event"] == "published":
            found.setdefault(entry["release"], entry["at"])
        elif entry["event"] == "removed":
            found.pop(entry["release"], None)
    return found


def sums(known: Sequence[Entry]) -> dict[str, str]:
    """Release -> hash of its ``SHA256SUMS`` as published, for those that have one."""
    return {e["release"]: e["sums"] for e in known if e["event"] == "published" and e.get("sums")}


def switched(known: Sequence[Entry]) -> Entry | None:
    """The newest entry that moved the pointer, None where nothing was written down."""
    return next((e for e in reversed(known) if is_switch(e)), None)


def is_switch(entry: Entry) -> bool:
    """Whether this entry moved the pointer."""
    return entry["event"] in SWITCHES and "current" not in entry


def held(known: Sequence[Entry]) -> dict[str, Entry]:
    """Release -> the rollback that put it on hold; it is not published again before somebody goes back to it."""
    found: dict[str, Entry] = {}
    for entry in known:
        if entry["event"] in ("rolled_back", "resumed"):
            found.pop(entry["release"], None)
        if entry["event"] == "rolled_back" and entry["left"]:
            found[entry["left"]] = entry
    return found


def pinned(known: Sequence[Entry]) -> dict[str, Entry]:
    """Release -> the entry that pinned it; retention leaves it alone."""
    found: dict[str, Entry] = {}
    for entry in known:
        if entry["event"] == "pinned":
            found[entry["release"]] = entry
        elif entry["event"] in ("unpinned", "removed"):
            found.pop(entry["release"], None)
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
