"""What a later version of a frozen baseline says differently, cell by cell. Compares, and judges nothing."""

from __future__ import annotations

import duckdb
import pyarrow as pa

SCORES = ("potential", "position", "headroom", "p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")
"""Scores whose old value, new value and difference stand in the table."""

_QUERY = """
WITH moved AS (
    SELECT iso3, chain, count(*) AS n_moved,
        string_agg(indicator || ' ' || coalesce(printf('%+.2f', change), 'appeared or went'), '; '
            ORDER BY abs(change) DESC NULLS LAST, indicator) AS moved
    FROM (
        SELECT iso3, chain, indicator, n.score - o.score AS change
        FROM old_indicators o FULL JOIN new_indicators n USING (iso3, chain, indicator)
        WHERE o.score IS DISTINCT FROM n.score
    ) GROUP BY ALL
)
SELECT iso3, chain, {figures}, coalesce(n_moved, 0) AS n_moved, coalesce(moved, '') AS moved
FROM old_scores o FULL JOIN new_scores n USING (iso3, chain) LEFT JOIN moved USING (iso3, chain)
ORDER BY iso3, chain
"""


def revision(old_scores: pa.Table, old_indicators: pa.Table, scores: pa.Table, indicators: pa.Table) -> pa.Table:
    """One row per country and chain of either version.

    Args: rows of ``mart_cluster_baseline`` and ``mart_baseline_indicators`` of both versions, one baseline each.

    Returns ``iso3, chain``, for every score ``<score>_old``, ``<score>_new`` and ``<score>_change`` (points, null where
    either is unknown), ``n_moved`` and ``moved``: the indicators whose score differs with its difference in points, the
    largest first.
    """
    figures = ", ".join(
        f"o.{name} AS {name}_old, n.{name} AS {name}_new, n.{name} - o.{name} AS {name}_change" for name in SCORES
    )
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        given = {"old_scores": old_scores, "old_indicators": old_indicators}
        for name, table in (given | {"new_scores": scores, "new_indicators": indicators}).items():
            con.register(name, table)
        return con.sql(_QUERY.format(figures=figures)).to_arrow_table()
