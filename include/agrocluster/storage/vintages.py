"""Vintages: the staged tables, one folder each, and which of them may be read.

A vintage counts only after its gate was passed. Facts take the newest accepted vintage cell by cell: a full
vintage replaces what is older in the years it covers, a partial one only the cells it holds. Older ones stay
readable as of their date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agrocluster.errors import StorageError
from agrocluster.model.specs import TableContract, TableKind
from agrocluster.settings import settings
from agrocluster.storage import atomic
from agrocluster.storage.parquet import SQL_TYPES
from agrocluster.storage.paths import Layout, layout


@dataclass(frozen=True)
class Vintage:
    """One staged table. ``report`` is what staging recorded (rows, years, exclusions, files, hash)."""

    vintage_id: str
    dataset_id: str
    kind: TableKind
    stamp: str
    scope: str
    path: Path
    report: dict[str, Any]

    @property
    def published(self) -> str:
        """The stamp as an ISO date or month: CEPII stamps ``V202601``, UN Comtrade to the second, all others by day."""
        return re.sub(r"^V(\d{4})(\d{2})$", r"\1-\2", self.stamp).partition("T")[0]

    @property
    def order(self) -> tuple[str, bool, str]:
        """Sort key, oldest first. With equal stamps a partial vintage comes after the full one it adds to."""
        return (self.stamp, self.scope == "partial", self.vintage_id)


def record(vintage_id: str, report: dict[str, Any]) -> None:
    """Write the staging report, which makes the vintage known (not yet accepted)."""
    atomic.write_json(layout().vintage(vintage_id) / "report.json", report)


def report(vintage_id: str) -> dict[str, Any] | None:
    """The staging report of a vintage, or None if it was never staged completely."""
    path = layout().vintage(vintage_id) / "report.json"
    return dict(atomic.read_json(path)) if path.exists() else None


def known(vintage_id: str) -> Vintage:
    """A staged vintage, accepted or not. StorageError if it was never staged completely."""
    staged = report(vintage_id)
    if staged is None:
        raise StorageError(f"{vintage_id} is not staged.", remedy="Run the ingest Dag again.")
    return _vintage(staged, layout().vintage(vintage_id))


def withdraw(vintage_id: str) -> None:
    """Take back the acceptance of a vintage that is about to be staged again."""
    for name in ("gate.json", "report.json"):
        (layout().vintage(vintage_id) / name).unlink(missing_ok=True)


def accept(vintage_id: str, gate: dict[str, Any]) -> None:
    """Record the outcome of the gate; ``gate["passed"]`` decides whether facts may read the vintage."""
    atomic.write_json(layout().vintage(vintage_id) / "gate.json", gate)


def gate(vintage_id: str) -> dict[str, Any] | None:
    """The recorded outcome of the gate, or None if the vintage was not checked."""
    path = layout().vintage(vintage_id) / "gate.json"
    return dict(atomic.read_json(path)) if path.exists() else None


def accepted(
    dataset_ids: Iterable[str], *, as_of: str | None = None, world: str | None = None, below: Layout | None = None
) -> list[Vintage]:
    """Accepted vintages of one world, by dataset and age (oldest first).

    Args:
        dataset_ids: datasets to look at.
        as_of: only vintages published by this ISO date (``V202601`` counts as January 2026).
        world: ``sample`` or ``real``, by default that of this run.
        below: the data root to look in, by default the configured one.
    """
    found: list[Vintage] = []
    wanted, root = world or settings().world, below or layout()
    for dataset_id in sorted(dataset_ids):
        loaded = (_load(path, wanted) for path in sorted(root.staged(dataset_id).glob("*/gate.json")))
        mine = [v for v in loaded if v]
        found.extend(sorted((v for v in mine if as_of is None or v.published <= as_of), key=lambda v: v.order))
    return found


def current_query(contract: TableContract, vintages: Iterable[Vintage]) -> str:
    """SQL for the newest accepted row of each key; an empty table of the right shape if there is none."""
    parts = []
    by_dataset: dict[str, list[Vintage]] = {}
    for vintage in vintages:
        by_dataset.setdefault(vintage.dataset_id, []).append(vintage)
    columns = ", ".join(column.name for column in contract.columns)
    for group in by_dataset.values():
        read = _read(group)
        if len(read) == 1:
            parts.append(f"SELECT {columns} FROM {read[0]}")
        else:
            ranked = " UNION ALL ".join(f"SELECT {columns}, {age} AS age FROM {rows}" for age, rows in enumerate(read))
            newest = f"row_number() OVER (PARTITION BY {', '.join(contract.key)} ORDER BY age DESC) = 1"
            parts.append(f"SELECT {columns} FROM ({ranked}) QUALIFY {newest}")
    return " UNION ALL ".join(parts) if parts else empty_query(contract)


def all_query(contract: TableContract, vintages: Iterable[Vintage]) -> str:
    """SQL for the rows of every given vintage."""
    columns = ", ".join(column.name for column in contract.columns)
    listed = list(vintages)
    return f"SELECT {columns} FROM {_scan(listed)}" if listed else empty_query(contract)


def empty_query(contract: TableContract) -> str:
    """SQL for a table with the contract's columns and no row."""
    columns = ", ".join(f"NULL::{SQL_TYPES[c.type]} AS {c.name}" for c in contract.columns)
    return f"SELECT {columns} WHERE false"


def _read(group: list[Vintage]) -> list[str]:
    """What facts read of one dataset's vintages, oldest first.

    The newest full vintage replaces older full ones, and older partial ones in the years that it covers: a year
    that was loaded on request stays when the next release of the publisher does not hold it.
    """
    full = max((n for n, v in enumerate(group) if v.scope == "full"), default=None)
    if full is None:
        return [_scan([v]) for v in group]
    first, last = group[full].report["first_year"], group[full].report["last_year"]
    outside = f"WHERE year NOT BETWEEN {first} AND {last}" if first is not None else ""
    older = [f"{_scan([v])} {outside}" for v in group[:full] if v.scope == "partial"]
    return older + [_scan([v]) for v in group[full:]]


def _scan(vintages: list[Vintage]) -> str:
    paths = ", ".join("'" + str(v.path / "data.parquet").replace("'", "''") + "'" for v in vintages)
    return f"read_parquet([{paths}])"


def _load(gate_path: Path, world: str) -> Vintage | None:
    try:
        passed, staged = atomic.read_json(gate_path)["passed"], atomic.read_json(gate_path.with_name("report.json"))
    except FileNotFoundError:  # being staged again at this moment
        return None
    return _vintage(staged, gate_path.parent) if passed and staged["world"] == world else None


def _vintage(staged: dict[str, Any], folder: Path) -> Vintage:
    return Vintage(
        vintage_id=staged["vintage_id"],
        dataset_id=staged["dataset_id"],
        kind=TableKind(staged["kind"]),
        stamp=staged["stamp"],
        scope=staged["scope"],
        path=folder,
        report=staged,
    )
