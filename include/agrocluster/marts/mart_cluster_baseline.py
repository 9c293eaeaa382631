"""Cluster-potential baseline: every chain of every country with its scores, how sure they are, and a sentence about it.

``cluster_baseline/result.sql`` puts the finished parts side by side; the sentences are made of that row alone.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from agrocluster.explain.sentences import explain_rows

_RESULT = Path(__file__).resolve().parent / "cluster_baseline" / "result.sql"


def build(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """One row per baseline, country (focus and panel) and chain."""
    rows = con.sql(_RESULT.read_text(encoding="utf-8")).to_arrow_table()
    sample = con.sql("SELECT count(*) FILTER (data_mode = 'sample') > 0 FROM vintages").fetchall()[0][0]
    told = explain_rows(rows, sample=sample)
    for name in told.column_names:
        rows = rows.append_column(name, told[name])
    return rows
