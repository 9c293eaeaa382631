"""Donors of a synthetic control: which panel countries, mixed how, looked most like the cell in the baseline window.

Weights come from the scores of the baseline window alone, on the indicators that carry the cell's comparable score
(method 9.9); what happened later has no say in them. Whether the mixture is a fair comparison is for the reader:
``fit_rmse`` says how near it came.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.change import COMMON, PAIRS
from agrocluster.marts.parameters import parameters
from agrocluster.measures.progress import donor_weights

DECIMALS = 6
"""Published digits of a weight; the solver's last ones differ between processors."""

CELL = ("baseline_id", "followup_id", "iso3", "chain")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in (*CELL, "donor_iso3")]
    + [(name, pa.float64()) for name in ("weight", "donor_change", "fit_rmse")]
    + [(name, pa.int64()) for name in ("n_indicators", "n_candidates")]
)

_QUERY = """
WITH pair AS ({pairs}),
common AS ({common}),
fit AS (
    SELECT p.baseline_id, p.followup_id, t.iso3, t.chain, t.indicator, t.score,
        count(*) OVER (PARTITION BY p.baseline_id, p.followup_id, t.iso3, t.chain) AS n_indicators
    FROM pair p JOIN mart_baseline_indicators t USING (baseline_id)
    WHERE t.focus AND t.weight_in_common > 0
),
candidate AS (
    SELECT f.baseline_id, f.followup_id, f.iso3, f.chain, d.iso3 AS donor_iso3, f.n_indicators,
        list(f.score ORDER BY f.indicator) AS treated, list(d.score ORDER BY f.indicator) AS scores
    FROM fit f
    JOIN mart_baseline_indicators d ON d.baseline_id = f.baseline_id AND d.chain = f.chain AND d.indicator = f.indicator
    JOIN dim_country c ON c.iso3 = d.iso3 AND c.panel AND NOT c.focus
    WHERE d.score IS NOT NULL AND f.n_indicators >= {min_indicators}
    GROUP BY ALL HAVING count(*) = f.n_indicators
)
SELECT c.*, x.change AS donor_change,
    count(*) OVER (PARTITION BY c.baseline_id, c.followup_id, c.iso3, c.chain) AS n_candidates
FROM candidate c JOIN common x ON x.baseline_id = c.baseline_id AND x.followup_id = c.followup_id
    AND x.iso3 = c.donor_iso3 AND x.chain = c.chain AND x.change IS NOT NULL
QUALIFY n_candidates >= {min_donors}
ORDER BY c.baseline_id, c.followup_id, c.iso3, c.chain, c.donor_iso3
"""


def build(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """One row per donor with a weight above zero, of every focus cell that enough panel countries can be mixed for."""
    method = parameters(con)
    query = _QUERY.format(
        pairs=PAIRS,
        common=COMMON,
        min_indicators=method["progress_min_fit_indicators"],
        min_donors=method["progress_min_donors"],
    )
    candidates = con.sql(query).to_arrow_table().to_pylist()
    by_cell = groupby(candidates, key=lambda row: tuple(row[name] for name in CELL))
    found = [row for _, rows in by_cell for row in _mixed(list(rows), method["progress_donor_ridge"])]
    return pa.Table.from_pylist(found, schema=SCHEMA)


def _mixed(rows: list[dict[str, Any]], ridge: float) -> list[dict[str, Any]]:
    """The donors of one cell among its candidates."""
    treated, scores = np.array(rows[0]["treated"]), np.array([row["scores"] for row in rows])
    weights = np.round(donor_weights(treated, scores, ridge), DECIMALS)
    gap = np.einsum("n,nk->k", weights, scores) - treated
    rmse = round(float(np.sqrt(np.einsum("k,k->", gap, gap) / len(gap))), DECIMALS)
    return [
        {**row, "weight": float(weight), "fit_rmse": rmse}
        for row, weight in zip(rows, weights, strict=True)
        if weight > 0
    ]
