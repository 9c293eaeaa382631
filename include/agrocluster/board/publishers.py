"""How publishers answer: per dataset last fetch, latency, retries, bytes and make-up of files; per key what is left.

Reads the notes that fetching leaves beside landing (``storage.health``), landing records and budgets. What was never
noted (files imported from a folder, fetches of an older version) is said to be so, not shown as zero.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agrocluster.http import quota
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec, SourceSpec
from agrocluster.settings import settings
from agrocluster.storage import atomic, health, landing
from agrocluster.storage.landing import Snapshot
from agrocluster.storage.paths import layout

Entry = dict[str, Any]
SHOWN_SNAPSHOTS, SHOWN_FILES = 20, 100


@dataclass(frozen=True)
class Drift:
    """What the files of one kind had and have: ``kind`` is its name, ``added`` and ``removed`` are fields."""

    kind: str
    added: list[str]
    removed: list[str]


@dataclass(frozen=True)
class Health:
    """One dataset. ``fetches`` and ``checks`` as ``storage.health`` has them, oldest first."""

    dataset_id: str
    title: str
    newest: Snapshot | None
    snapshots: list[Snapshot] = field(default_factory=list)
    fetches: list[Entry] = field(default_factory=list)
    checks: list[Entry] = field(default_factory=list)

    @property
    def retrieved(self) -> str | None:
        """When the newest snapshot was fetched, by the publisher's clock."""
        return max((file.retrieved_at for file in self.newest.files), default=None) if self.newest else None

    @property
    def bytes(self) -> int | None:
        """Size of the newest snapshot."""
        return sum(file.size for file in self.newest.files) if self.newest else None

    @property
    def last(self) -> Entry | None:
        """The newest fetch that was noted."""
        return self.fetches[-1] if self.fetches else None

    @property
    def made(self) -> Entry | None:
        """The newest fetch that brought files whose make-up was recognised."""
        return next((entry for entry in reversed(self.fetches) if entry["structure"]), None)

    @property
    def fingerprint(self) -> str:
        """Short hash of the make-up of the last files; empty where it is not known."""
        return fingerprint(self.made) if self.made else ""

    @property
    def drift(self) -> list[Drift]:
        """How the last files differ in make-up from those of the fetch before; empty where nothing changed."""
        known = [entry["structure"] for entry in self.fetches if entry["structure"]][-2:]
        return drift(*known) if len(known) == 2 else []

    @property
    def latencies(self) -> list[float | None]:
        """Mean seconds to the first byte of every noted check and fetch, oldest first."""
        both = sorted([*self.checks, *self.fetches], key=lambda entry: entry["began"])
        return [latency(entry) for entry in both]


@dataclass(frozen=True)
class Allowance:
    """What one key may still ask today; ``closed_until`` where the publisher itself refuses."""

    holder: str
    limit: int
    spent: int
    closed_until: str | None

    @property
    def left(self) -> int:
        """Calls that may still be made now."""
        return 0 if self.closed_until else max(0, self.limit - self.spent)


@dataclass(frozen=True)
class Publisher:
    """A publisher with its datasets and the allowances of the keys that were used."""

    spec: SourceSpec
    datasets: list[Health]
    allowances: list[Allowance]


def publishers() -> list[Publisher]:
    """All publishers of the catalogue, by id."""
    found = catalog()
    by_source: dict[str, list[DatasetSpec]] = {}
    for spec in sorted(found.datasets.values(), key=lambda spec: spec.id):
        by_source.setdefault(spec.source, []).append(spec)
    return [
        Publisher(found.sources[source], [health_of(spec.id) for spec in specs], allowances(source))
        for source, specs in sorted(by_source.items())
    ]


def health_of(dataset_id: str) -> Health:
    """One dataset. UsageError for an id that the catalogue does not know."""
    spec = catalog().dataset(dataset_id)
    held = sorted(landing.snapshots(dataset_id), key=lambda s: (s.stamp, s.snapshot_id))
    noted = health.entries(dataset_id)
    return Health(
        dataset_id=dataset_id,
        title=spec.title.en,
        newest=held[-1] if held else None,
        snapshots=held[: -SHOWN_SNAPSHOTS - 1 : -1],
        fetches=[entry for entry in noted if entry["kind"] == "fetch"],
        checks=[entry for entry in noted if entry["kind"] == "check"],
    )


def latency(entry: Entry) -> float | None:
    """Mean seconds to the first byte; None where nothing was answered."""
    return entry["seconds"] / entry["answers"] if entry["answers"] else None


def fingerprint(entry: Entry) -> str:
    """Eight digits that change with any name of a field, whatever the order of the files."""
    named = [(kind, tuple(fields)) for kind, fields in sorted(entry["structure"].items())]
    return hashlib.sha256(repr(named).encode()).hexdigest()[:8]


def drift(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[Drift]:
    """Kinds of file whose fields differ; a kind that is new or gone has only additions or removals."""
    found = []
    for kind in sorted({*before, *after}):
        was, now = before.get(kind, []), after.get(kind, [])
        if was != now:
            added, removed = [f for f in now if f not in was], [f for f in was if f not in now]
            found.append(Drift(kind, added, removed))
    return found


def allowances(source: str) -> list[Allowance]:
    """Today's calls of every key that asked a publisher in this run's world; none where it sets no quota."""
    if catalog().sources[source].quota is None:
        return []
    limit, world, now = quota(source).calls_per_day, settings().world, datetime.now(UTC)
    folder = layout().budget(source, world).parent
    found: list[Allowance] = []
    for path in sorted(folder.glob(f"{source}-{world}-*.json")):
        state = atomic.read_json(path)
        until = state.get("closed_until")
        closed = until if until and datetime.fromisoformat(until) > now else None
        spent = state["spent"] if state["day"] == now.date().isoformat() else 0
        holder = "without a key" if path.stem.endswith("-keyless") else f"key {len(found) + 1}"
        found.append(Allowance(holder, limit, spent, closed))
    return found
