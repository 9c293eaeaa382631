"""What the index reads: one raw and one transformed value per baseline, country, chain and indicator.

The indicators are catalogue data (``catalog/index``); this module turns them into one query that the goalposts and
the scores share, so that both see the same numbers. It scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np

from agrocluster.marts.index.definition import Frame, Index
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import to_numpy

_TRANSFORMS = {
    "identity": "raw",
    "asinh": "asinh(raw)",
    "ln": "ln(greatest(raw, floor))",
    "-ln": "-ln(greatest(raw, floor))",
}
"""Transforms of an indicator; ``floor`` is the parameter ``ln_floor``. ``-``: a high value gets a low score."""


def values_query(con: duckdb.DuckDBPyConnection) -> str:
    """A query with the columns baseline_id, iso3, chain, indicator, raw, y: known values of focus and panel
    countries in each baseline window."""
    measured = con.sql(
        "SELECT indicator, mart, row_filter, expression, transform, keyed_by FROM cat_index_indicator "
        "WHERE expression IS NOT NULL ORDER BY indicator"
    ).fetchall()
    return "\nUNION ALL\n".join(_one(*line) for line in measured)


def transformed(raw: Floats, transform: str, floor: float) -> Floats:
    """The transform of ``values_query`` on an array."""
    if transform == "identity":
        return raw
    if transform == "asinh":
        return np.arcsinh(raw)
    logged = np.log(np.maximum(raw, floor))
    return -logged if transform == "-ln" else logged


def pivot(
    con: duckdb.DuckDBPyConnection, query: str, axes: Sequence[tuple[str, Sequence[object]]], columns: Sequence[str]
) -> dict[str, Floats]:
    """Columns of a query as arrays over the labels of ``axes``; nan where no row was given.

    Args:
        query: rows with the axis columns, one row per key, and ``columns`` as numbers.
        axes: name and labels of each axis; rows with other labels are passed over.
    """
    shape = tuple(len(labels) for _, labels in axes)
    places = ", ".join(
        f"list_position(?, {name}{'' if labels and isinstance(labels[0], str) else '::BIGINT'}) - 1 AS place_{n}"
        for n, (name, labels) in enumerate(axes)
    )
    found = con.sql(
        f"SELECT {places}, {', '.join(f'({c})::DOUBLE AS {c}' for c in columns)} FROM ({query})",
        params=[list(labels) for _, labels in axes],
    ).to_arrow_table()
    keep = np.ones(found.num_rows, dtype=np.bool_)
    place = []
    for n in range(len(axes)):
        at = to_numpy(found[f"place_{n}"].cast("int64"), missing=-1)
        keep &= at >= 0
        place.append(at)
    result = {}
    for name in columns:
        result[name] = np.full(shape, np.nan)
        result[name][tuple(p[keep] for p in place)] = to_numpy(found[name])[keep]
    return result


def values(con: duckdb.DuckDBPyConnection, index: Index, frame: Frame) -> dict[str, Floats]:
    """``raw`` and ``y`` as arrays [baseline, country, chain, indicator]."""
    axes = (
        ("baseline_id", frame.baselines),
        ("iso3", frame.countries),
        ("chain", index.chains),
        ("indicator", index.names),
    )
    return pivot(con, values_query(con), axes, ("raw", "y"))


def _one(indicator: str, mart: str, row_filter: str, expression: str, transform: str, keyed_by: str) -> str:
    window = "m.baseline_id = b.baseline_id" if keyed_by == "baseline" else "m.year = b.last_year"
    return f"""
        SELECT baseline_id, iso3, chain, '{indicator}' AS indicator, raw, {_TRANSFORMS[transform]} AS y
        FROM (
            SELECT b.baseline_id, m.iso3, m.chain, ({expression})::DOUBLE AS raw, parameter('ln_floor') AS floor
            FROM {mart} m JOIN dim_baseline b ON {window}
            JOIN dim_country c USING (iso3)
            WHERE (c.focus OR c.panel) AND ({row_filter})
        ) WHERE raw IS NOT NULL"""
