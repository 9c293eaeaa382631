"""Going back to an earlier release, and forward again. Moves the pointer; builds and removes nothing.

A rollback holds: the release that is left is put on hold, and as long as the inputs are those it was made of, nothing
is published. New data or new code make another release, which is published as usual; ``resume`` lifts the hold.
"""

from __future__ import annotations

from typing import Any

from agrocluster.errors import UsageError
from agrocluster.release import history, intact, reading, record
from agrocluster.release.pointer import lock, point_at


def rollback(release: str | None = None, *, note: str = "", by: str = "") -> dict[str, Any]:
    """Make an earlier whole release the current one and put the one that is left on hold.

    Args:
        release: the release to go back to; by default the one of the same data mode before the current one. Where the
            pointer is gone or damaged, it is written anew.
        note: why; kept in the record with ``by``, the user of this process by default.

    Returns ``release``, ``left`` and ``changed``, False where it was current already. Every file is checked first.

    Raises UsageError when there is no such release or nothing before the current one, DataGateError when it is
    damaged; then nothing was changed.
    """
    with lock():
        current = history.current()
        target = release or (history.previous(current) if current else None)
        if target is None:
            problem = f"There is no release of the same data mode before {current}." if current else "None is current."
            raise UsageError(problem, remedy="`agrocluster release list` shows all; name one.")
        if target == current:
            reading.manifest(target)
            return {"release": target, "left": current, "changed": False}
        intact.require_intact(target)
        if not _written(target, current):
            record.add("rolled_back", target, left=current, note=note, by=by)
        point_at(target)
    return {"release": target, "left": current, "changed": True}


def resume(release: str | None = None, *, note: str = "", by: str = "") -> dict[str, Any]:
    """Lift the hold of a release, the newest one on hold by default.

    If the current release is still the one that the rollback went to, ``release`` becomes current again; if something
    newer was published in the meantime, that stays. Returns ``release`` and ``current``.

    Raises UsageError when nothing (or not that release) is on hold, DataGateError when it is damaged.
    """
    with lock():
        held = record.held(record.entries())
        if not held or (release and release not in held):
            raise UsageError(
                f"Release {release} is not on hold." if release else "No release is on hold.",
                remedy=f"On hold: {', '.join(held) or 'none'}.",
            )
        name = release or max(held, key=lambda on_hold: held[on_hold]["at"])
        current = history.current()
        intact.require_intact(name)
        back = record.switched(record.entries()) == held[name] and current == held[name]["release"]
        record.add("resumed", name, note=note, by=by, **({} if back else {"current": current}))
        if back:
            point_at(name)
    return {"release": name, "current": name if back else current}


def pin(release: str, *, keep: bool, note: str = "") -> bool:
    """Keep a release out of retention for good, or no longer; False where that was so already."""
    reading.manifest(release)
    with lock():
        if (release in record.pinned(record.entries())) == keep:
            return False
        record.add("pinned" if keep else "unpinned", release, note=note)
    return True


def _written(target: str, current: str) -> bool:
    """Whether this rollback is in the record already: the process was killed before it moved the pointer."""
    last = record.switched(record.entries())
    return last is not None and last["event"] == "rolled_back" and (last["release"], last["left"]) == (target, current)
