"""Rows that were set aside: one page of a vintage's quarantine, with rule and reason. Reads no more than it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from agrocluster.errors import NotHeld
from agrocluster.model.loader import catalog
from agrocluster.storage.paths import layout

PAGE = 50
"""Rows on a page."""


@dataclass(frozen=True)
class Quarantined:
    """One page. ``rules`` maps rule id to rejected rows of the vintage; ``rows`` are cells as text, None: missing."""

    vintage_id: str
    dataset_id: str
    rules: dict[str, int]
    rule: str
    columns: list[str]
    rows: list[list[str | None]]
    page: int
    total: int

    @property
    def pages(self) -> int:
        """Number of pages."""
        return max(1, -(-self.total // PAGE))

    @property
    def first(self) -> int:
        """Number of the first row on the page, counted from one; 0 where there is none."""
        return (self.page - 1) * PAGE + 1 if self.rows else 0


def exists(vintage_id: str) -> bool:
    """Whether rows of a vintage were set aside."""
    return layout().quarantine(vintage_id).exists()


def quarantined(vintage_id: str, page: int = 1, rule: str = "") -> Quarantined:
    """Page ``page`` of the rejected rows of a vintage, of one ``rule`` or all. NotHeld where nothing was rejected."""
    dataset_id = vintage_id.partition("@")[0]
    if dataset_id not in catalog().datasets or not exists(vintage_id):
        raise NotHeld(
            f"No row of {vintage_id} is in quarantine.",
            remedy="The validation page of the dataset links to the quarantine of each vintage that has one.",
        )
    file = str(layout().quarantine(vintage_id)).replace("'", "''")
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW rejected AS SELECT * FROM read_parquet('{file}')")
        counted = con.execute("SELECT rule_id, count(*) FROM rejected GROUP BY rule_id ORDER BY rule_id").fetchall()
        rules: dict[str, int] = dict(counted)
        total = rules.get(rule, 0) if rule else sum(rules.values())
        names = [name for name, *_ in con.execute("DESCRIBE rejected").fetchall()]
        columns = ", ".join('"' + name.replace('"', '""') + '"::VARCHAR' for name in names)
        chosen: dict[str, Any] = {"rule": rule, "most": PAGE, "skip": (page - 1) * PAGE}
        found = con.execute(
            f"SELECT {columns} FROM rejected WHERE $rule = '' OR rule_id = $rule LIMIT $most OFFSET $skip", chosen
        ).fetchall()
    return Quarantined(vintage_id, dataset_id, rules, rule, names, [list(row) for row in found], page, total)
