"""Which releases there are, newest first, and what they are to readers: current, on hold, pinned. Reads only."""

from __future__ import annotations

from typing import Any

from agrocluster.errors import AgroclusterError, StorageError, UsageError
from agrocluster.release import reading, record
from agrocluster.storage.places import Root


def releases(root: Root = None) -> list[dict[str, Any]]:
    """All published releases, newest first.

    Each has ``release``, ``published_at`` (UTC; None where nothing was written down), ``newest_input`` (date),
    ``data_mode``, ``label``, ``version``, ``current``, ``held``, ``pinned``, ``rows`` (of all marts), ``marts`` (their
    number) and ``problem``: why its manifest cannot be read, empty otherwise. A damaged release has no figures (None).
    """
    known = record.entries(root)
    now, at, held, pinned = current(root), record.published_at(known), record.held(known), record.pinned(known)
    found = []
    for name in reading.names(root):
        state: dict[str, Any] = {"published_at": at.get(name), "newest_input": name[:10]}
        state |= {"current": name == now, "held": name in held, "pinned": name in pinned}
        found.append({"release": name, **_described(name, root), **state})
    return sorted(found, key=lambda r: (r["published_at"] or r["newest_input"], r["release"]), reverse=True)


def current(root: Root = None) -> str:
    """Id of the current release; empty where there is no pointer, or none that can be read."""
    try:
        pointer = reading.latest(root)
    except StorageError:
        return ""
    return str(pointer["release"]) if pointer else ""


def previous(release: str, root: Root = None) -> str | None:
    """The release of the same data mode that was published before ``release``, those on hold left out; None for the
    first one. UsageError when there is no such release."""
    listed = releases(root)
    names = [entry["release"] for entry in listed]
    if release not in names:
        raise UsageError(
            f"There is no release {release!r}.", remedy=f"Use one of: {', '.join(names) or 'none is published yet'}."
        )
    number = names.index(release)
    mode = listed[number]["data_mode"]
    return next((r["release"] for r in listed[number + 1 :] if r["data_mode"] == mode and not r["held"]), None)


def _described(name: str, root: Root) -> dict[str, Any]:
    facts = ("data_mode", "label", "version", "rows", "marts")
    try:
        manifest = reading.manifest(name, root)
    except AgroclusterError as error:
        return {**dict.fromkeys(facts), "problem": error.problem}
    plain = {key: manifest.get(key, "") for key in facts[:3]}
    rows = sum(mart["rows"] for mart in manifest["marts"])
    return {**plain, "rows": rows, "marts": len(manifest["marts"]), "problem": ""}
