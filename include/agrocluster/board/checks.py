"""Validation results as people read them: the last run of every dataset and mart, and the history of each rule.

One run of a subject is one vintage or one release. Runs lie in small files; what ``merge`` has put together is read
from one file, and only newer runs on their own, so a page costs the same after years.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from agrocluster.board.focus import Focus
from agrocluster.quality.results import contract, run_files
from agrocluster.storage.parquet import arrow_schema
from agrocluster.storage.paths import layout

Row = dict[str, Any]
SHOWN_RUNS = 40
"""Most runs a small chart holds."""
MERGING = 10.0
"""Seconds that putting runs together may take; runs stored meanwhile are read once more on their own."""
SEVERITIES = ("critical", "warning", "info")
_LAST = """
    SELECT * FROM result
    QUALIFY checked_at = max(checked_at) OVER (PARTITION BY subject)
        AND subject_id = max(subject_id) OVER (PARTITION BY subject, checked_at)
    ORDER BY subject, success NULLS FIRST, array_position(['critical', 'warning', 'info'], severity), rule_id, "column"
"""
_TALLY = """
    SELECT subject, subject_id, max(checked_at) AS checked_at,
        count(*) FILTER (success IS FALSE) AS broken,
        count(*) FILTER (success IS FALSE AND severity = 'critical') AS critical
    FROM result GROUP BY subject, subject_id ORDER BY subject, checked_at, subject_id
"""
_SUBJECT = """
    SELECT * FROM result WHERE subject = $subject
    ORDER BY checked_at, subject_id, success NULLS FIRST,
        array_position(['critical', 'warning', 'info'], severity), rule_id, "column"
"""
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?\b")


@dataclass(frozen=True)
class Point:
    """One rule in one run. ``value`` is what the chart draws, None where nothing was counted."""

    subject_id: str
    checked_at: str
    success: bool | None
    value: float | None
    observed: str


@dataclass(frozen=True)
class Rule:
    """The newest result of a rule (``row``) and all results there are, oldest first."""

    row: Row
    history: list[Point] = field(default_factory=list)

    @property
    def samples(self) -> list[str]:
        """Keys of failing rows, each as compact JSON."""
        return [json.dumps(key, ensure_ascii=False) for key in json.loads(self.row["sample_keys"] or "[]")]


@dataclass(frozen=True)
class Checked:
    """One validation run of a dataset or mart, rules that are broken first; ``runs`` counts what every run broke."""

    subject: str
    layer: str
    subject_id: str
    checked_at: str
    rules: list[Rule] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)

    def failing(self, severity: str) -> list[Rule]:
        """Broken rules of a severity."""
        return [r for r in self.rules if r.row["success"] is False and r.row["severity"] == severity]

    @property
    def broken(self) -> list[Rule]:
        """All broken rules, the most severe first."""
        return [rule for severity in SEVERITIES for rule in self.failing(severity)]

    @property
    def passed(self) -> list[Rule]:
        """Rules that hold."""
        return [rule for rule in self.rules if rule.row["success"]]

    @property
    def unjudged(self) -> list[Rule]:
        """Rules that could not be judged because an input was not supplied."""
        return [rule for rule in self.rules if rule.row["success"] is None]

    @property
    def verdict(self) -> str:
        """``critical``, ``warning`` or ``ok``."""
        return next((severity for severity in SEVERITIES[:2] if self.failing(severity)), "ok")


def last_checks(focus: Focus) -> list[Checked]:
    """The last run of everything that belongs to ``focus``, the worst first."""
    with _results() as con:
        rows = con.sql(_LAST).to_arrow_table().to_pylist()
        tally = con.sql(_TALLY).to_arrow_table().to_pylist()
    runs: dict[str, list[Row]] = {}
    for run in tally:
        runs.setdefault(run["subject"], []).append(run)
    found: dict[str, Checked] = {}
    for row in rows:
        if focus.wants_subject(row["subject"], row["layer"]):
            about = (row["subject"], row["layer"], row["subject_id"], row["checked_at"])
            checked = found.setdefault(row["subject"], Checked(*about, runs=runs[row["subject"]][-SHOWN_RUNS:]))
            checked.rules.append(Rule(row))
    rank = {"critical": 0, "warning": 1, "ok": 2}
    return sorted(found.values(), key=lambda c: (rank[c.verdict], c.layer != "staged", c.subject))


def one_subject(subject: str, subject_id: str | None = None) -> Checked | None:
    """One run of a subject, the last by default, each rule with its history; None if there is no such run."""
    with _results() as con:
        table: pa.Table = con.sql(_SUBJECT, params={"subject": subject}).to_arrow_table()
    rows = table.to_pylist()
    runs = list(dict.fromkeys((row["checked_at"], row["subject_id"]) for row in rows))
    wanted = [run for run in runs if subject_id in (None, run[1])]
    if not wanted:
        return None
    history: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        history.setdefault((row["rule_id"], row["column"]), []).append(row)
    mine = [row for row in rows if (row["checked_at"], row["subject_id"]) == wanted[-1]]
    rules = [Rule(row, points(history[row["rule_id"], row["column"]])) for row in mine]
    tally = [{"subject": subject, "checked_at": at, "subject_id": name} for at, name in runs]
    return Checked(subject, mine[0]["layer"], wanted[-1][1], wanted[-1][0], rules, tally)


def points(rows: Sequence[Row]) -> list[Point]:
    """The last runs of one rule as points of a chart: failing rows where they are counted, else the number that
    ``observed`` begins with."""
    counted = any(row["failing_rows"] is not None for row in rows)
    return [
        Point(row["subject_id"], row["checked_at"], row["success"], _value(row, counted), row["observed"])
        for row in rows[-SHOWN_RUNS:]
    ]


def _value(row: Row, counted: bool) -> float | None:
    if counted:
        return None if row["failing_rows"] is None else float(row["failing_rows"])
    found = _NUMBER.match(row["observed"] or "")
    return float(found.group()) if found else None


def _results() -> duckdb.DuckDBPyConnection:
    """DuckDB with ``result``: every result that is stored, of each run the newest."""
    merged = layout().quality / "quality_results.parquet"
    known = merged.stat().st_mtime - MERGING if merged.exists() else None
    stored = [path for path in run_files(layout().quality) if known is None or path.stat().st_mtime >= known]
    con = duckdb.connect()
    if not (files := [*([merged] if known is not None else []), *stored]):
        con.register("result", arrow_schema(contract()).empty_table())
        return con
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    con.execute(
        f"CREATE TABLE result AS SELECT * FROM read_parquet([{listed}], union_by_name = true) "
        "QUALIFY checked_at = max(checked_at) OVER (PARTITION BY subject, subject_id) "
        'AND row_number() OVER (PARTITION BY subject, subject_id, rule_id, "column", checked_at) = 1'
    )
    return con
