"""What the index reads: one raw and one transformed value per baseline, country, chain and indicator.

The indicators are catalogue data (``catalog/index``); this module turns them into one query that the goalposts and
the scores share, so that both see the same numbers. It scores nothing.
"""

from __future__ import annotations

import duckdb

_TRANSFORMS = {"identity": "raw", "asinh": "asinh(raw)", "ln": "ln(greatest(raw, floor))"}
"""Transforms of method 9.4; ``floor`` is the parameter ``ln_floor``."""


def values_query(con: duckdb.DuckDBPyConnection) -> str:
    """A query with the columns baseline_id, iso3, chain, indicator, raw, y: known values of focus and panel
    countries at the last year of each baseline window."""
    measured = con.sql(
        "SELECT indicator, mart, row_filter, expression, transform FROM cat_index_indicator "
        "WHERE expression IS NOT NULL ORDER BY indicator"
    ).fetchall()
    return "\nUNION ALL\n".join(_one(*line) for line in measured)


def _one(indicator: str, mart: str, row_filter: str, expression: str, transform: str) -> str:
    return f"""
        SELECT baseline_id, iso3, chain, '{indicator}' AS indicator, raw, {_TRANSFORMS[transform]} AS y
        FROM (
            SELECT b.baseline_id, m.iso3, m.chain, ({expression})::DOUBLE AS raw,
                parameter('ln_floor') AS floor
            FROM {mart} m JOIN dim_baseline b ON m.year = b.last_year
            JOIN dim_country c USING (iso3)
            WHERE (c.focus OR c.panel) AND ({row_filter})
        ) WHERE raw IS NOT NULL"""
