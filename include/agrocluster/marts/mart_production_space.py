"""Which farm products go together on similar land: the product space of gross production value (method 3.4).

The estimate rests on countries of the usual least population, without the focus countries; those are projected. A
value is the mean of the window's known years, because a missing year is not a year without harvest.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts.complexity_years import focus_countries, mean_known, population
from agrocluster.marts.cube import Cube, cube
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures.complexity_sample import choose
from agrocluster.measures.product_space import ProductSpace
from agrocluster.model.arrays import texts_to_arrow, to_arrow

_VALUES = """
SELECT f.iso3, f.item_code AS product, f.year, max(f.value) AS value
FROM fact_production f JOIN cat_fao_element e USING (dataset, element_code)
WHERE e.measure = 'gpv' AND f.value IS NOT NULL
    AND try_cast(f.item_code AS INTEGER)
        <= parameter('fao_leaf_item_max')
GROUP BY ALL ORDER BY ALL
"""
_FIGURES = ("gpv_intl_usd_w3", "plq", "m", "density", "ubiquity", "diversity", "n_countries_sample", "n_items_sample")
_SCHEMA = pa.schema(
    {"iso3": pa.string(), "item_code": pa.string(), "dropped": pa.string(), "year": pa.int16()}
    | dict.fromkeys((*_FIGURES, "n_years_w3"), pa.float64())
)
_QUERY = """
SELECT s.iso3, s.item_code, i.item, s.year, s.gpv_intl_usd_w3, s.plq, s.m = 1 AS m, s.density,
    s.ubiquity::BIGINT AS ubiquity, s.diversity::BIGINT AS diversity, s.n_years_w3::BIGINT AS n_years_w3,
    s.n_countries_sample::BIGINT AS n_countries_sample, s.n_items_sample::BIGINT AS n_items_sample,
    concat_ws(
        ';',
        nullif(s.dropped, ''),
        CASE WHEN s.n_years_w3 = 0 THEN 'not_known' END,
        CASE WHEN s.n_years_w3 > 0 AND s.gpv_intl_usd_w3 IS NULL THEN 'window_too_short' END
    ) AS flag
FROM production_space s
LEFT JOIN (
    SELECT item_code, arg_max(item, year) AS item
    FROM fact_production JOIN cat_fao_element USING (dataset, element_code) WHERE measure = 'gpv' GROUP BY ALL
) i USING (item_code)
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per focus country, farm item that anybody produces in the window, and year."""
    values, parts = cube(con, _VALUES), [_SCHEMA.empty_table()]
    if values is not None:
        method, focus, persons = parameters(con), focus_countries(con), population(con, values)
        span, least = int(method["window_years"]), int(method["window_min_years"])
        for year, window in values.windows(span, least):
            last = year - int(values.years[0])
            people = mean_known(persons[max(0, last - span + 1) : last + 1])
            parts.append(_rows(year, window, people, values, focus, method))
    con.register("production_space", pa.concat_tables(parts))
    return con.sql(_QUERY)


def _rows(
    year: int, window: NDArray[np.float64], people: NDArray[np.float64], of: Cube, focus: set[str], method: Parameters
) -> pa.Table:
    n_years = (~np.isnan(window)).sum(axis=0)
    value = np.where(n_years >= method["window_min_years"], mean_known(window), np.nan)
    four = np.array([name in focus for name in of.countries])
    taking_part = ~four & (people >= method["complexity_min_population"])
    x = np.where(np.isnan(value) | ~(taking_part | four)[:, None], 0.0, value)
    sample = choose(x, of.countries, of.products, outside=focus, threshold=method["rca_threshold"])
    items = np.flatnonzero((n_years > 0).any(axis=0))
    rows = np.flatnonzero(four & (n_years > 0).any(axis=1))
    density, m = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    ubiquity, diversity = np.full(len(of.products), np.nan), np.full(len(of.countries), np.nan)
    if sample.size:
        space, cells = ProductSpace(sample.m[: sample.size]), np.ix_(sample.rows, sample.columns)
        density[cells], m[cells] = space.density(sample.m), sample.m
        ubiquity[sample.columns] = sample.m[: sample.size].sum(axis=0)
        diversity[sample.rows] = sample.m.sum(axis=1)
    dropped = dict.fromkeys(of.products, "") | {r.name: r.reason for r in sample.removed if r.kind == "product"}
    wide = (len(rows), len(items))
    cut = np.ix_(rows, items)
    figures = {
        "gpv_intl_usd_w3": value[cut],
        "plq": np.where(np.isnan(value), np.nan, sample.advantage)[cut],
        "m": m[cut],
        "density": density[cut],
        "ubiquity": np.broadcast_to(ubiquity[items], wide),
        "diversity": np.broadcast_to(diversity[rows][:, None], wide),
        "n_countries_sample": np.full(wide, float(sample.size)),
        "n_items_sample": np.full(wide, float(len(sample.columns))),
        "n_years_w3": n_years[cut].astype(np.float64),
    }
    names = [of.products[n] for n in items.tolist()]
    columns = [
        texts_to_arrow([of.countries[n] for n in rows.tolist() for _ in names]),
        texts_to_arrow(names * wide[0]),
        texts_to_arrow([dropped[name] for name in names] * wide[0]),
        to_arrow(np.full(wide[0] * wide[1], year, dtype=np.int16)),
        *(to_arrow(np.ascontiguousarray(figures[name]).reshape(-1)) for name in (*_FIGURES, "n_years_w3")),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)
