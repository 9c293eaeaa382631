"""What was reported: ``<data>/state/alerts.json``, so that nobody is told twice.

The ledger decides who is to be told and remembers who was. A decision is made and written down in one act, before
anything is sent: of two processes with the same trouble one sends. Sending is the business of ``deliver``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agrocluster.errors import UsageError
from agrocluster.notify.alert import Alert, State
from agrocluster.storage import shared
from agrocluster.storage.paths import layout

log = logging.getLogger(__name__)
Entry = dict[str, Any]
Book = dict[str, Entry]
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
        now, names, due = self.now(), list(channels), list[str]()

        def change(book: Book) -> None:
            if alert.spec.one_at_a_time:
                for key, other in _held(book, (alert.kind,), alert.holder).items():
                    if key != alert.key:
                        other |= {"holders": [], "resolved_at": now.isoformat()}
            entry = book.get(alert.key)
            if entry is None or entry["resolved_at"]:
                kept = entry["channels"] if entry else {}
                entry = {"opened_at": now.isoformat(), "holders": [], "times": 0, "pending": False, "channels": kept}
            due[:] = _claim(entry, names, now)
            book[alert.key] = entry | {
                "alert": alert.as_dict(),
                "raised_at": now.isoformat(),
                "resolved_at": now.isoformat() if _is_event(alert) else None,
                "times": entry["times"] + 1,
                "pending": entry["pending"] or pending,
                "holders": sorted({*entry["holders"], alert.holder}),
            }

        self._update(change)
        return due

    def untold(self, alert: Alert, channels: Iterable[str]) -> list[str]:
        """Of all the channels there are, those that do not know of an alert yet and that are to be told now."""
        names, due = list(channels), list[str]()

        def change(book: Book) -> None:
            due.clear()
            entry = book.get(alert.key)
            if entry and self._is_news(entry):
                due.extend(_claim(entry, names, self.now()))
                entry["pending"] = bool(set(names) - {*due, *told(entry)})

        self._update(change)
        return due

    def settled(self, alert: Alert, state: State, channel: str, problem: str | None) -> None:
        """Write down that a channel was told of an alert (or that it is over), or why it could not be."""
        moment = "failed_at" if problem else "resolved_sent_at" if state == "resolved" else "sent_at"

        def change(book: Book) -> None:
            if entry := book.get(alert.key):
                known = entry["channels"].setdefault(channel, {})
                known.pop("claimed_at", None)
                known |= {"problem": problem, moment: self.now().isoformat()}
                entry["pending"] = entry["pending"] or (problem is not None and state != "resolved")

        self._update(change)

    def healed(self, kinds: Collection[str], holder: str) -> list[Entry]:
        """Let go of the open alerts of ``holder``; returns those that nobody holds any more, now closed."""
        if not _held(self._read(), kinds, holder):
            return []
        closed: list[Entry] = []

        def change(book: Book) -> None:
            closed.clear()
            for entry in _held(book, kinds, holder).values():
                entry["holders"] = [name for name in entry["holders"] if name != holder]
                if not entry["holders"]:
                    entry["resolved_at"] = self.now().isoformat()
                    closed.append(entry)

        self._update(change)
        return closed

    def open(self) -> list[Entry]:
        """Open alerts, the newest first."""
        found = [entry for entry in self._read().values() if not entry["resolved_at"]]
        return sorted(found, key=lambda entry: entry["opened_at"], reverse=True)

    def missed(self, *, pending: bool) -> list[Entry]:
        """Alerts that somebody may not have been told of, the oldest first: with ``pending`` those that somebody is
        known to have missed, else all that are open, too."""
        found = [entry for entry in self._read().values() if self._is_news(entry)]
        return sorted(
            (entry for entry in found if entry["pending"] or not (pending or entry["resolved_at"])),
            key=lambda entry: entry["opened_at"],
        )

    def prune(self, older_than: timedelta) -> int:
        """Remove closed alerts of more than ``older_than`` ago; returns how many."""
        limit, removed = self.now() - older_than, list[str]()

        def change(book: Book) -> None:
            removed[:] = [key for key, entry in book.items() if (at := _moment(entry["resolved_at"])) and at < limit]
            for key in removed:
                del book[key]

        if self._read():
            self._update(change)
        return len(removed)

    def _is_news(self, entry: Entry) -> bool:
        """Whether it is worth telling: what is open, and events that are not long past."""
        recent = self.now() - datetime.fromisoformat(entry["opened_at"]) < LASTING
        return recent if _is_event(Alert.from_dict(entry["alert"])) else not entry["resolved_at"]

    @staticmethod
    def _read() -> Book:
        return _sound(shared.read(layout().alerts))

    @staticmethod
    def _update(change: Callable[[Book], None]) -> None:
        def changed(known: Book | None) -> Book:
            book = _sound(known)
            change(book)
            return book

        shared.update(layout().alerts, changed)


def _sound(known: Book | None) -> Book:
    """The entries that can be understood; others count as absent, so that a damaged one hides no alert."""
    book = {}
    for key, entry in (known or {}).items():
        try:
            Alert.from_dict(entry["alert"])
            _ = [entry[name] for name in ("resolved_at", "opened_at", "holders", "channels", "times", "pending")]
        except (KeyError, TypeError, UsageError) as error:
            log.warning("The record of the alert %s is damaged and counts as absent: %r", key, error)
        else:
            book[key] = entry
    return book


def _held(book: Book, kinds: Collection[str], holder: str) -> Book:
    return {
        key: entry
        for key, entry in book.items()
        if not entry["resolved_at"] and entry["alert"]["kind"] in kinds and holder in entry["holders"]
    }


def _is_event(alert: Alert) -> bool:
    return alert.spec.heals == "never"


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
