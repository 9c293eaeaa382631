"""Density, complexity and gain of focus and panel countries in every heading (method 3)."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts import complexity_years
from agrocluster.marts.complexity_years import Year
from agrocluster.model.arrays import settled, texts_to_arrow, to_arrow

_LABEL = pa.dictionary(pa.int32(), pa.string())
_FIGURES = ("exports_usd", "world_usd", "advantage", "m", "density", "pci", "cog_pkg", "cog_book", "ubiquity")
_SCHEMA = pa.schema(
    {"iso3": _LABEL, "heading": _LABEL, "dropped": _LABEL, "year": pa.int16()} | dict.fromkeys(_FIGURES, pa.float64())
)
_QUERY = """
SELECT x.iso3::VARCHAR AS iso3, x.heading::VARCHAR AS heading, x.year, c.focus, c.panel,
    x.exports_usd AS product_exports_usd_w3, x.world_usd AS product_world_usd_w3,
    CASE WHEN x.exports_usd = 0 OR x.exports_usd >= p.thin THEN x.advantage END AS rca,
    x.m = 1 AS m, x.density, x.pci, x.cog_pkg, x.cog_book, x.ubiquity::BIGINT AS ubiquity,
    c.eci_py, c.eci_r, c.coi, c.fitness, c.fitness_updates, c.diversity, c.status = 'projected' AS projected,
    c.n_countries_sample, c.n_products_sample, c.n_years_w3,
    concat_ws(
        ';',
        nullif(x.dropped::VARCHAR, ''),
        CASE WHEN x.exports_usd > 0 AND x.exports_usd < p.thin THEN 'thin_market' END,
        CASE WHEN c.status = 'unknown' THEN 'country_unknown' END,
        CASE WHEN c.lambda_2 IS NULL THEN 'undetermined' END
    ) AS flag
FROM complexity_cells x
JOIN mart_complexity_country c ON c.iso3 = x.iso3::VARCHAR AND c.year = x.year
CROSS JOIN (SELECT parameter('thin_market_country_usd') AS thin) p
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per focus or panel country, heading that anybody trades in the window, and year."""
    published = {n for (n,) in con.sql("SELECT iso3 FROM dim_country WHERE focus OR panel").fetchall()}
    parts = [_cells(year, published) for year in complexity_years.years(con)]
    con.register("complexity_cells", pa.concat_tables([_SCHEMA.empty_table(), *parts]))
    return con.sql(_QUERY)


def _cells(of: Year, published: set[str]) -> pa.Table:
    rows = np.flatnonzero([name in published for name in of.countries])
    wide = (len(rows), len(of.products))
    found = of.found
    reasons = sorted({str(reason) for reason in of.why_product})
    dropped = np.array([reasons.index(str(reason)) for reason in of.why_product], dtype=np.int32)
    ubiquity = of.sample.m[: of.sample.size].sum(axis=0)
    figures = {
        "exports_usd": of.x[rows],
        "world_usd": np.broadcast_to(of.x.sum(axis=0), wide),
        "advantage": of.per_cell(of.sample.advantage[np.ix_(of.sample.rows, of.sample.columns)])[rows],
        "m": of.per_cell(of.sample.m)[rows],
        "density": of.per_cell(settled(found.density) if found else None)[rows],
        "pci": np.broadcast_to(of.per_product(found.found.pci if found else None), wide),
        "cog_pkg": of.per_cell(settled(found.cog_pkg) if found else None)[rows],
        "cog_book": of.per_cell(settled(found.cog_book) if found else None)[rows],
        "ubiquity": np.broadcast_to(of.per_product(ubiquity), wide),
    }
    columns = [
        _labels(np.repeat(np.arange(len(rows), dtype=np.int32), wide[1]), [of.countries[n] for n in rows.tolist()]),
        _labels(np.tile(np.arange(wide[1], dtype=np.int32), wide[0]), of.products),
        _labels(np.tile(dropped, wide[0]), reasons),
        to_arrow(np.full(wide[0] * wide[1], of.year, dtype=np.int16)),
        *(to_arrow(np.ascontiguousarray(figures[name]).reshape(-1)) for name in _FIGURES),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _labels(codes: np.ndarray[tuple[int, ...], np.dtype[np.int32]], labels: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(to_arrow(codes), texts_to_arrow(labels))
