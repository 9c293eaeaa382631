"""What the board shows, read from the data root. No Airflow and no HTTP here.

Every section is read on its own: a damaged file breaks its section, with a sentence that says so, not the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import duckdb
import pyarrow as pa

from agrocluster import incidents
from agrocluster.board.freshness import Freshness, freshness
from agrocluster.errors import AgroclusterError
from agrocluster.model.loader import catalog
from agrocluster.release import publish
from agrocluster.settings import settings
from agrocluster.storage.paths import layout

T = TypeVar("T")
SHOWN_INCIDENTS = 12
LAST_CHECKS = """
    SELECT * FROM read_parquet($files, union_by_name = true)
    QUALIFY checked_at = max(checked_at) OVER (PARTITION BY subject)
        AND subject_id = max(subject_id) OVER (PARTITION BY subject, checked_at)
    ORDER BY subject, success NULLS FIRST, array_position(['critical', 'warning', 'info'], severity), rule_id
"""


@dataclass(frozen=True)
class Section(Generic[T]):
    """A part of the page: its content, or the reason why it cannot be shown."""

    content: T | None = None
    problem: str = ""


@dataclass(frozen=True)
class Release:
    """The current release, as its manifest says."""

    release: str
    data_mode: str
    label: str
    version: str
    marts: list[dict[str, Any]]
    vintages: int

    @property
    def rows(self) -> int:
        """Rows of all marts."""
        return sum(mart["rows"] for mart in self.marts)


@dataclass(frozen=True)
class Checked:
    """The last validation of one dataset or mart, rules that are broken first."""

    subject: str
    layer: str
    subject_id: str
    checked_at: str
    rules: list[dict[str, Any]] = field(default_factory=list)

    def failing(self, severity: str) -> list[dict[str, Any]]:
        """Broken rules of a severity."""
        return [rule for rule in self.rules if rule["success"] is False and rule["severity"] == severity]

    @property
    def broken(self) -> list[dict[str, Any]]:
        """All broken rules, the most severe first."""
        return [rule for severity in ("critical", "warning", "info") for rule in self.failing(severity)]

    @property
    def passed(self) -> int:
        """Number of rules that hold."""
        return sum(rule["success"] is True for rule in self.rules)

    @property
    def open(self) -> int:
        """Number of rules that could not be judged."""
        return sum(rule["success"] is None for rule in self.rules)

    @property
    def verdict(self) -> str:
        """``critical``, ``warning`` or ``ok``."""
        if self.failing("critical"):
            return "critical"
        return "warning" if self.failing("warning") else "ok"


@dataclass(frozen=True)
class Board:
    """The whole page. ``focus`` is the dataset or mart that a Dag run is about, or None for everything."""

    release: Section[Release | None]
    freshness: Section[list[Freshness]]
    checks: Section[list[Checked]]
    incidents: Section[list[dict[str, Any]]]
    mode: str
    focus: str | None
    read_at: str

    @property
    def open_incidents(self) -> list[dict[str, Any]]:
        """Incidents that nobody has mended yet."""
        return [entry for entry in self.incidents.content or [] if not entry.get("resolved_at")]

    @property
    def late(self) -> int:
        """Number of datasets that are older than usual."""
        return sum(entry.status == "late" for entry in self.freshness.content or [])


def board(dag_id: str | None = None) -> Board:
    """Everything the page shows; with the id of an ingest Dag, only what concerns its dataset."""
    focus = _dataset_of(dag_id)
    return Board(
        release=_section(_release),
        freshness=_section(lambda: _freshness(focus)),
        checks=_section(lambda: _checks(focus)),
        incidents=_section(lambda: _incidents(focus)),
        mode=_section(lambda: str(settings().mode)).content or "unknown",
        focus=focus,
        read_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _section(read: Callable[[], T]) -> Section[T]:
    try:
        return Section(read())
    except (AgroclusterError, OSError, duckdb.Error, KeyError, ValueError) as error:
        return Section(problem=f"This part cannot be read: {error}")


def _dataset_of(dag_id: str | None) -> str | None:
    dataset_id = (dag_id or "").removeprefix("ingest_")
    try:
        return dataset_id if dataset_id in catalog().datasets else None
    except AgroclusterError:
        return None


def _release() -> Release | None:
    pointer = publish.latest()
    if pointer is None:
        return None
    found = publish.manifest(str(pointer["release"]))
    return Release(
        release=found["release"],
        data_mode=found["data_mode"],
        label=found["label"],
        version=found["version"],
        marts=found["marts"],
        vintages=len(found["vintages"]),
    )


def _freshness(focus: str | None) -> list[Freshness]:
    return freshness(spec for spec in catalog().datasets.values() if focus in (None, spec.id))


def _checks(focus: str | None) -> list[Checked]:
    files = [str(path) for path in sorted(layout().quality.glob(f"runs/{focus or '*'}/[!.]*.parquet"))]
    if not files:
        return []
    with duckdb.connect() as con:
        table: pa.Table = con.sql(LAST_CHECKS, params={"files": files}).to_arrow_table()
    found: dict[str, Checked] = {}
    for row in table.to_pylist():
        row["samples"] = json.loads(row["sample_keys"] or "[]")[:3]
        about = (row["subject"], row["layer"], row["subject_id"], row["checked_at"])
        found.setdefault(row["subject"], Checked(*about)).rules.append(row)
    rank = {"critical": 0, "warning": 1, "ok": 2}
    return sorted(found.values(), key=lambda c: (rank[c.verdict], c.layer != "staged", c.subject))


def _incidents(focus: str | None) -> list[dict[str, Any]]:
    entries = [entry for entry in incidents.load() if focus is None or entry["dag_id"] == f"ingest_{focus}"]
    return sorted(entries, key=lambda entry: bool(entry.get("resolved_at")))[:SHOWN_INCIDENTS]
