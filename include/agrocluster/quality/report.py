"""Questions people ask of the stored results: what did the last run find, and which rules are broken?"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.quality.results import run_file, run_files
from agrocluster.storage.paths import layout

HISTORICAL = ("row_count_drop", "focus_country_lost", "world_completeness")
"""Rules that compare with the predecessor: they depend on history, so they are not written into releases."""


def broken(subject: str, subject_id: str, severity: str) -> list[str]:
    """Ids of the rules of ``severity`` that one run found broken, without those that compare with the past."""
    path = run_file(layout().quality, subject, subject_id)
    if not path.exists():
        return []
    rows = pq.read_table(path, columns=["rule_id", "severity", "success"]).to_pylist()
    found = {row["rule_id"] for row in rows if row["severity"] == severity and row["success"] is False}
    return sorted(found - set(HISTORICAL))


def last(*, subject: str | None = None, failed_only: bool = False) -> list[dict[str, Any]]:
    """The newest result of every rule as rows of ``quality_results``, the broken rules first.

    A dataset has several vintages side by side: of the older ones the broken rules are listed, too. Of a mart only
    the newest release counts.

    Args:
        subject: only this dataset or mart.
        failed_only: only broken rules.
    """
    files = [str(path) for path in run_files(layout().quality)]
    if not files:
        return []
    newest = """
        SELECT * FROM read_parquet(?) QUALIFY max(checked_at) OVER (PARTITION BY subject) = checked_at
            OR (layer = 'staged' AND success IS FALSE)
        ORDER BY success IS NOT FALSE, severity, subject, subject_id, rule_id
    """
    with duckdb.connect() as con:
        table: pa.Table = con.sql(newest, params=[files]).to_arrow_table()
    return [
        row
        for row in table.to_pylist()
        if (subject is None or row["subject"] == subject) and (row["success"] is False or not failed_only)
    ]
