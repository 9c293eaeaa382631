"""Which farm products go together on similar land: the product space of gross production value (method 3.4).

The estimate rests on countries of the usual least population, without the focus countries; those are projected. A
value is the mean of the window's known years, because a missing year is not a year without harvest.

What is unknown is neither there nor absent (method 0.4). FAOSTAT lists other items for every country, so an
estimate on countries that know all of them would rest on hardly any: proximity is taken pair by pair over the countries
that know both items, and density over the items that the country knows. A country or an item leaves, with its reason,
only where too little of its usual value is known, because then the totals behind its quotients are unknown too.
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
from agrocluster.measures.product_space import known_density, known_proximity
from agrocluster.measures.safe import divide
from agrocluster.model.arrays import texts_to_arrow, to_arrow

_VALUES = """
SELECT f.iso3, f.item_code AS product, f.year, max(f.value) AS value
FROM fact_production f JOIN cat_fao_element e USING (dataset, element_code)
WHERE e.measure = 'gpv' AND f.value IS NOT NULL
    AND try_cast(f.item_code AS INTEGER)
        <= parameter('fao_leaf_item_max')
GROUP BY ALL ORDER BY ALL
"""
_FIGURES = (
    "gpv_intl_usd_w3",
    "plq",
    "m",
    "density",
    "density_coverage",
    "known_share",
    "ubiquity",
    "diversity",
    "n_countries_sample",
    "n_countries_unknown",
    "n_items_sample",
)
_UNKNOWN = "too_little_known"
_SCHEMA = pa.schema(
    {"iso3": pa.string(), "item_code": pa.string(), "dropped": pa.string(), "year": pa.int16()}
    | dict.fromkeys((*_FIGURES, "n_years_w3"), pa.float64())
)
_QUERY = """
SELECT s.iso3, s.item_code, i.item, s.year, s.gpv_intl_usd_w3, s.plq, s.m = 1 AS m, s.density,
    s.density_coverage, s.known_share,
    s.ubiquity::BIGINT AS ubiquity, s.diversity::BIGINT AS diversity, s.n_years_w3::BIGINT AS n_years_w3,
    s.n_countries_sample::BIGINT AS n_countries_sample, s.n_countries_unknown::BIGINT AS n_countries_unknown,
    s.n_items_sample::BIGINT AS n_items_sample,
    concat_ws(
        ';',
        nullif(s.dropped, ''),
        CASE WHEN s.n_years_w3 = 0 THEN 'not_known' END,
        CASE WHEN s.n_years_w3 > 0 AND s.gpv_intl_usd_w3 IS NULL THEN 'window_too_short' END,
        CASE WHEN coalesce(s.known_share, 0) < parameter('known_share_min') THEN 'country_too_little_known' END,
        CASE WHEN s.density_coverage < parameter('known_share_min') THEN 'neighbours_too_little_known' END
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
        usual = np.nan_to_num(mean_known(values.values))
        span, least = int(method["window_years"]), int(method["window_min_years"])
        for year, window in values.windows(span, least):
            last = year - int(values.years[0])
            people = mean_known(persons[max(0, last - span + 1) : last + 1])
            parts.append(_rows(year, window, usual, people, values, focus, method))
    con.register("production_space", pa.concat_tables(parts))
    return con.sql(_QUERY)


def _rows(
    year: int,
    window: NDArray[np.float64],
    usual: NDArray[np.float64],
    people: NDArray[np.float64],
    of: Cube,
    focus: set[str],
    method: Parameters,
) -> pa.Table:
    n_years, least = (~np.isnan(window)).sum(axis=0), method["known_share_min"]
    value = np.where(n_years >= method["window_min_years"], mean_known(window), np.nan)
    known = ~np.isnan(value)
    four = np.array([name in focus for name in of.countries])
    wanted = ~four & (people >= method["complexity_min_population"])
    known_share = _known_share(usual, known)
    taking_part = wanted & (known_share >= least)
    items_known = _known_share(usual[taking_part].T, known[taking_part].T)
    told = known & (taking_part | (four & (known_share >= least)))[:, None] & ~(items_known < least)
    sample = choose(
        np.where(told, value, 0.0), of.countries, of.products, outside=focus, threshold=method["rca_threshold"]
    )
    items = np.flatnonzero((n_years > 0).any(axis=0))
    rows = np.flatnonzero(four & (n_years > 0).any(axis=1))
    density, coverage, m = (np.full(value.shape, np.nan) for _ in range(3))
    ubiquity, diversity = np.full(len(of.products), np.nan), np.full(len(of.countries), np.nan)
    if sample.size:
        cells = np.ix_(sample.rows, sample.columns)
        inside, beside = slice(0, sample.size), np.ix_(sample.rows[sample.size :], sample.columns)
        proximity = known_proximity(sample.m[inside], told[cells][inside])
        near, coverage[beside] = known_density(proximity, sample.m[sample.size :], told[beside])
        density[beside] = np.where(coverage[beside] >= least, near, np.nan)
        m[cells] = np.where(told[cells], sample.m, np.nan)
        ubiquity[sample.columns] = sample.m[inside].sum(axis=0)
        diversity[sample.rows] = sample.m.sum(axis=1)
    dropped = dict.fromkeys(of.products, "") | {r.name: r.reason for r in sample.removed if r.kind == "product"}
    dropped |= {of.products[n]: _UNKNOWN for n in np.flatnonzero(items_known < least).tolist()}
    wide = (len(rows), len(items))
    cut = np.ix_(rows, items)
    figures = {
        "gpv_intl_usd_w3": value[cut],
        "plq": np.where(told, sample.advantage, np.nan)[cut],
        "m": m[cut],
        "density": density[cut],
        "density_coverage": coverage[cut],
        "known_share": np.broadcast_to(known_share[rows][:, None], wide),
        "ubiquity": np.broadcast_to(ubiquity[items], wide),
        "diversity": np.broadcast_to(diversity[rows][:, None], wide),
        "n_countries_sample": np.full(wide, float(sample.size)),
        "n_countries_unknown": np.full(wide, float((wanted & ~taking_part).sum())),
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


def _known_share(usual: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of each row's usual value whose cells are known; nan where nothing is usual."""
    return divide(np.where(known, usual, 0.0).sum(axis=1), usual.sum(axis=1))
