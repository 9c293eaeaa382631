"""The daily allowance of a publisher's key, spent by all tasks and processes of a data root together.

A call is written down before it is made, so a process that is killed has spent at most one call too many and nobody
ever makes more calls than allowed. A day is a UTC day. The key itself is never stored, only a hash of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agrocluster.errors import QuotaExhausted
from agrocluster.settings import settings
from agrocluster.storage import shared
from agrocluster.storage.paths import layout

Clock = Callable[[], datetime]
LONGEST_BLOCK = timedelta(hours=25)
"""A daily allowance is there again after a day, whatever a publisher says."""


def utc_now() -> datetime:
    """The time of this machine's clock, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Budget:
    """What one key may still ask its publisher today.

    Attributes:
        source: id of the publisher.
        key: the key whose calls are counted; None counts the calls without one.
        limit: calls per UTC day.
        now: clock, replaced in tests.
    """

    source: str
    key: str | None
    limit: int
    now: Clock = utc_now

    def __repr__(self) -> str:
        return f"Budget(source={self.source!r}, account={self.account!r}, limit={self.limit})"

    @property
    def account(self) -> str:
        """The account's name on disk: the world it asks (sample or real), and a hash of the key or ``keyless``."""
        holder = "keyless" if self.key is None else hashlib.sha256(self.key.encode()).hexdigest()[:16]
        return f"{settings().world}-{holder}"

    @property
    def path(self) -> Path:
        """Where the account is kept."""
        return layout().budget(self.source, self.account)

    def spend(self) -> None:
        """Write down one call. Raises QuotaExhausted, and writes nothing, if none is left."""

        def one_more(known: dict[str, Any] | None) -> dict[str, Any]:
            state = self._today(known)
            if resume_at := self._closed_until(state):
                raise self._exhausted(resume_at)
            return {**state, "spent": state["spent"] + 1}

        shared.update(self.path, one_more)

    def left(self) -> int:
        """Calls that may still be made now; nothing is written."""
        state = self._read()
        return 0 if self._closed_until(state) else self.limit - state["spent"]

    def resume_at(self) -> datetime | None:
        """When calls may be made again, None if some may be made now."""
        return self._closed_until(self._read())

    def close(self, resume_at: datetime) -> QuotaExhausted:
        """Note that the publisher itself refuses calls before ``resume_at``; returns the error to raise."""
        until = min(resume_at, self.now() + LONGEST_BLOCK)
        shared.update(self.path, lambda known: {**self._today(known), "closed_until": until.isoformat()})
        return self._exhausted(until, "The service says that the daily allowance of this key is spent.")

    def _read(self) -> dict[str, Any]:
        return self._today(shared.read(self.path))

    def _today(self, known: dict[str, Any] | None) -> dict[str, Any]:
        state = known or {}
        today = self.now().date().isoformat()
        return {
            "day": today,
            "spent": state.get("spent", 0) if state.get("day") == today else 0,
            "closed_until": state.get("closed_until"),
        }

    def _closed_until(self, state: dict[str, Any]) -> datetime | None:
        now = self.now()
        if state["closed_until"] and (until := datetime.fromisoformat(state["closed_until"])) > now:
            return until
        if state["spent"] < self.limit:
            return None
        return datetime.fromisoformat(state["day"]).replace(tzinfo=UTC) + timedelta(days=1)

    def _exhausted(self, resume_at: datetime, problem: str | None = None) -> QuotaExhausted:
        holder = "this key" if self.key else "questions without a key"
        return QuotaExhausted(
            problem or f"The daily allowance of {holder} is spent ({self.limit} calls a day).",
            resume_at=resume_at,
            source=self.source,
            remedy=f"Run again after {resume_at:%Y-%m-%d %H:%M} UTC; what was fetched is kept. A larger subscription "
            f"is declared with AGROCLUSTER_{self.source.upper()}_CALLS_PER_DAY.",
        )
