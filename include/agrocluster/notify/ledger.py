"""What was reported: one small file per alert under ``<data>/state/alerts``, so that nobody is told twice.

The ledger decides who is to be told and remembers who was. Deciding happens under a lock and is written down before
anything is sent: of two processes with the same trouble one sends. Sending is the business of ``deliver``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agrocluster.errors import StorageError, UsageError
from agrocluster.notify.alert import Alert, State
from agrocluster.storage import atomic
from agrocluster.storage.locks import exclusive
from agrocluster.storage.paths import layout

log = logging.getLogger(__name__)
Entry = dict[str, Any]
QUIET_ENV = "AGROCLUSTER_ALERTS_QUIET_HOURS"
CLAIM = timedelta(minutes=15)
"""Who wants to send says so first; a process that died before it had sent holds up the others no longer than this."""

HOLD_OFF = timedelta(minutes=30)
"""A channel that could not be reached is not tried again sooner: each attempt holds up the task that makes it."""
LASTING = timedelta(days=3)
"""An event that could not be told at once is still news for so long."""


def quiet_time() -> timedelta:
    """For so long after a message the same trouble is not told again (``AGROCLUSTER_ALERTS_QUIET_HOURS``, 12)."""
    text = os.environ.get(QUIET_ENV) or "12"
    if not text.isdecimal():
        raise UsageError(f"{QUIET_ENV}={text!r} is no number of hours.", remedy="Set it to 12, for example.")
    return timedelta(hours=min(int(text), 8760))


@dataclass(frozen=True)
class Ledger:
    """The alerts of one data root. ``now`` is replaced in tests."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def raised(self, alert: Alert, channels: Iterable[str], *, pending: bool = False) -> list[str]:
        """Write down that an alert was raised; returns the channels that the caller has to tell now.

        ``pending``: there may be more channels, which the caller cannot know.
        """
        now = self.now()
        with self._locked():
            if alert.spec.one_at_a_time:
                self._supersede(alert, now)
            entry = self._read(alert.key)
            if entry is None or entry["resolved_at"]:
                kept = entry["channels"] if entry else {}
                entry = {"opened_at": now.isoformat(), "resolved_at": None, "holders": [], "times": 0, "channels": kept}
                entry["pending"] = False
            entry |= {
                "alert": alert.as_dict(),
                "raised_at": now.isoformat(),
                "times": entry["times"] + 1,
                "pending": entry["pending"] or pending,
                "holders": sorted({*entry["holders"], alert.holder}),
            }
            due = _claim(entry, channels, now)
            if alert.spec.heals == "never":
                entry["resolved_at"] = now.isoformat()
            atomic.write_json(_path(alert.key), entry)
            return due

    def untold(self, alert: Alert, channels: Iterable[str]) -> list[str]:
        """Of all the channels there are, those that do not know of an alert yet and that are to be told now."""
        with self._locked():
            entry, names = self._read(alert.key), list(channels)
            if entry is None or not self._is_news(entry):
                return []
            due = _claim(entry, names, self.now())
            later = set(names) - {*due, *told(entry)}
            atomic.write_json(_path(alert.key), {**entry, "pending": bool(later)})
            return due

    def settled(self, alert: Alert, state: State, channel: str, problem: str | None) -> None:
        """Write down that a channel was told of an alert (or that it is over), or why it could not be."""
        with self._locked():
            if entry := self._read(alert.key):
                known = entry["channels"].setdefault(channel, {})
                known.pop("claimed_at", None)
                known["problem"] = problem
                entry["pending"] = entry["pending"] or (problem is not None and state != "resolved")
                moment = "failed_at" if problem else "resolved_sent_at" if state == "resolved" else "sent_at"
                known[moment] = self.now().isoformat()
                atomic.write_json(_path(alert.key), entry)

    def healed(self, kinds: Collection[str], holder: str) -> list[Entry]:
        """Let go of the open alerts of ``holder``; returns those that nobody holds any more, now closed."""
        if not any(self._held(kinds, holder)):
            return []
        closed = []
        with self._locked():
            for entry in self._held(kinds, holder):
                entry["holders"] = [name for name in entry["holders"] if name != holder]
                if not entry["holders"]:
                    entry["resolved_at"] = self.now().isoformat()
                    closed.append(entry)
                atomic.write_json(_path(Alert.from_dict(entry["alert"]).key), entry)
        return closed

    def open(self) -> list[Entry]:
        """Open alerts, the newest first."""
        found = [entry for entry in self._all() if not entry["resolved_at"]]
        return sorted(found, key=lambda entry: entry["opened_at"], reverse=True)

    def missed(self, *, pending: bool) -> list[Entry]:
        """Alerts that somebody may not have been told of, the oldest first: with ``pending`` those that somebody is
        known to have missed, else all that are open, too."""
        found = [entry for entry in self._all() if self._is_news(entry)]
        return sorted(
            (entry for entry in found if entry["pending"] or not (pending or entry["resolved_at"])),
            key=lambda entry: entry["opened_at"],
        )

    def prune(self, older_than: timedelta) -> int:
        """Remove closed alerts of more than ``older_than`` ago; returns how many."""
        removed = 0
        for path in _paths():
            with self._locked():
                entry = self._read(path.stem)
                done = entry["resolved_at"] if entry else None
                if done and datetime.fromisoformat(done) < self.now() - older_than:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _is_news(self, entry: Entry) -> bool:
        """Whether it is worth telling: what is open, and events that are not long past."""
        event = Alert.from_dict(entry["alert"]).spec.heals == "never"
        recent = self.now() - datetime.fromisoformat(entry["opened_at"]) < LASTING
        return recent if event else not entry["resolved_at"]

    def _held(self, kinds: Collection[str], holder: str) -> Iterable[Entry]:
        return (
            entry
            for entry in self._all(kinds)
            if not entry["resolved_at"] and entry["alert"]["kind"] in kinds and holder in entry["holders"]
        )

    def _supersede(self, alert: Alert, now: datetime) -> None:
        for entry in self._held((alert.kind,), alert.holder):
            key = Alert.from_dict(entry["alert"]).key
            if key != alert.key:
                atomic.write_json(_path(key), {**entry, "holders": [], "resolved_at": now.isoformat()})

    def _all(self, kinds: Collection[str] = ()) -> Iterable[Entry]:
        return (entry for path in _paths(kinds) if (entry := self._read(path.stem)))

    def _read(self, key: str) -> Entry | None:
        path = _path(key)
        try:
            found: Entry = atomic.read_json(path)
            Alert.from_dict(found["alert"])
            _ = [found[name] for name in ("resolved_at", "opened_at", "holders", "channels", "times", "pending")]
        except FileNotFoundError:
            return None
        except (StorageError, KeyError, TypeError, UsageError) as error:
            log.warning("The record of the alert %s is damaged and counts as absent: %s", key, error)
            return None
        return found

    @staticmethod
    def _locked() -> Any:
        return exclusive(_folder() / "alerts.lock")


def told(entry: Entry) -> list[str]:
    """Channels that know of the present opening of an alert."""
    opened = datetime.fromisoformat(entry["opened_at"])
    sent = {name: _moment(state.get("sent_at")) for name, state in entry["channels"].items()}
    return sorted(name for name, moment in sent.items() if moment and moment >= opened)


def _claim(entry: Entry, channels: Iterable[str], now: datetime) -> list[str]:
    quiet = quiet_time()
    due = [name for name in channels if _due(entry, name, now, quiet)]
    for name in due:
        entry["channels"].setdefault(name, {})["claimed_at"] = now.isoformat()
    return due


def _due(entry: Entry, channel: str, now: datetime, quiet: timedelta) -> bool:
    state = entry["channels"].get(channel, {})
    waits = {"sent_at": quiet, "claimed_at": CLAIM, "failed_at": HOLD_OFF}
    moments = {name: _moment(state.get(name)) for name in waits}
    return channel not in told(entry) and not any(at and now - at < waits[name] for name, at in moments.items())


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _folder() -> Path:
    return layout().alerts


def _path(key: str) -> Path:
    return _folder() / f"{key}.json"


def _paths(kinds: Collection[str] = ()) -> list[Path]:
    """Files of all alerts, or of some kinds, without those that are being written."""
    return sorted(path for kind in kinds or ("[!.]",) for path in _folder().glob(f"{kind}*.json"))
