"""How fresh each dataset is: the publisher's stamp against what can be expected of that publisher.

A dataset is late when its newest release is a quarter older than the publisher's cadence: the next one should have
come. That is a reason to look, not an error: publishers are late, too. Reads landing records only; imports no Airflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from agrocluster.model.specs import DatasetSpec
from agrocluster.storage import landing

GRACE = 1.25
"""Publishers keep their months, not their days."""
Status = Literal["current", "late", "missing"]
STAMP = re.compile(r"(?P<year>(?:19|20)\d{2})-?(?P<month>0[1-9]|1[0-2])?(?:-?(?P<day>[0-3]\d))?")


@dataclass(frozen=True)
class Freshness:
    """State of one dataset in landing.

    Attributes:
        stamp: the publisher's release stamp of the newest snapshot, None when nothing was fetched.
        released: that stamp as a date (the first day of what it names), None when it is not a date.
        retrieved: when we fetched it (UTC, ISO 8601).
        age_days: days since ``released``, or since ``retrieved`` where the stamp is not a date.
        allowed_days: cadence and a quarter.
    """

    dataset_id: str
    title: str
    source: str
    stamp: str | None
    released: date | None
    retrieved: str | None
    age_days: int | None
    allowed_days: int
    optional: bool

    @property
    def status(self) -> Status:
        """``late`` is older than allowed; ``missing`` was never fetched."""
        if self.age_days is None:
            return "missing"
        return "late" if self.age_days > self.allowed_days else "current"

    @property
    def share(self) -> float:
        """Age as a share of what is allowed, between 0 and 1, for a bar."""
        return min(1.0, (self.age_days or 0) / max(1, self.allowed_days))


def stamp_date(stamp: str) -> date | None:
    """The date a stamp begins with (``2026-07-13``, ``V202601`` -> 2026-01-01), or None."""
    found = STAMP.search(stamp)
    if not found:
        return None
    try:
        return date(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1))
    except ValueError:
        return None


def freshness(specs: Iterable[DatasetSpec], today: date | None = None) -> list[Freshness]:
    """One entry per dataset, ordered by id."""
    now = today or datetime.now(UTC).date()
    return [_of(spec, now) for spec in sorted(specs, key=lambda spec: spec.id)]


def _of(spec: DatasetSpec, today: date) -> Freshness:
    snapshots = sorted(landing.snapshots(spec.id), key=lambda s: (s.stamp, s.snapshot_id))
    newest = snapshots[-1] if snapshots else None
    released = stamp_date(newest.stamp) if newest else None
    retrieved = max((file.retrieved_at for file in newest.files), default=None) if newest else None
    since = released or (datetime.fromisoformat(retrieved).date() if retrieved else None)
    return Freshness(
        dataset_id=spec.id,
        title=spec.title.en,
        source=spec.source,
        stamp=newest.stamp if newest else None,
        released=released,
        retrieved=retrieved,
        age_days=(today - since).days if since else None,
        allowed_days=round(GRACE * spec.cadence_days),
        optional=spec.optional,
    )
