"""What travels between a source connector, landing and staging: ranges, probes, raw files, accounts of rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

Slice = dict[str, Any]
"""One piece of a fetch: JSON-able, with a unique ``id``. Pieces of several vintages (files mode) also have
``vintage`` (equal for the pieces of one vintage), ``stamp``, ``rank`` and ``scope``."""


@dataclass(frozen=True)
class Years:
    """An inclusive range of calendar years."""

    first: int
    last: int

    def __contains__(self, year: int) -> bool:
        return self.first <= year <= self.last


@dataclass(frozen=True)
class Probe:
    """Answer of a cheap change check.

    Attributes:
        stamp: the publisher's own release stamp (``2026-07-13``, ``V202601``).
        fingerprint: changes exactly when a fetch is needed (stamp, validators, what we ask for).
        details: what ``slices`` and ``fetch`` need to know; JSON-able.
    """

    stamp: str
    fingerprint: str
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form, the inverse of ``Probe(**d)``."""
        return asdict(self)


@dataclass(frozen=True)
class RawFile:
    """One file of a landing snapshot, unchanged as the publisher sent it.

    Attributes:
        name: file name inside the snapshot folder.
        format: key of the reader that understands it, e.g. ``faostat_bulk_zip``.
        url: where it came from, without keys (``file:<relative path>`` for imports).
        sha256: hash of the bytes; size: their number.
        retrieved_at: UTC, ISO 8601, by the publisher's clock (HTTP ``Date``) or the file's date.
        headers: the response headers worth keeping (Last-Modified, ETag, Content-Type).
        details: what the fetch learned and the reader or the report should know; JSON-able.
    """

    name: str
    format: str
    url: str
    sha256: str
    size: int
    retrieved_at: str
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class StageLog:
    """What a reader left out, and what it could not accept. Nothing disappears without an entry here."""

    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str, pa.Table]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def exclude(self, reason: str, rows: int) -> None:
        """Count ``rows`` left out on purpose for ``reason`` (aggregate areas, monthly rows ...)."""
        if rows:
            self.excluded[reason] += rows

    def reject(self, rule_id: str, reason: str, rows: pa.Table) -> None:
        """Send ``rows`` to quarantine under ``rule_id``."""
        if rows.num_rows:
            self.rejected.append((rule_id, reason, rows))

    def add(self, other: StageLog) -> None:
        """Take over the account of a part; notes that are counts add up, of others the last one stays."""
        self.excluded.update(other.excluded)
        self.rejected.extend(other.rejected)
        for name, found in other.notes.items():
            self.notes[name] = self.notes.get(name, 0) + found if isinstance(found, int) else found
