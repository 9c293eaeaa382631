"""Where farm chains concentrate among countries: quotients with intervals, stars and concentration (method 5).

Places are the focus countries and the panel; activity is gross production value in constant international dollars.
Quotients compare with the world, sizes and standardised quotients with the pooled places. The measures are those of
regions (``measures.location``, ``measures.stars``, ``measures.agglomeration``): territorial data take the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts.complexity_years import mean_known
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.marts.seeds import seed_of
from agrocluster.measures import agglomeration, location, stars
from agrocluster.model.arrays import to_arrow, to_numpy

Floats = NDArray[np.float64]

_GRID = """
SELECT y.year, c.iso3, ch.chain, c.focus, c.panel,
    o.gpv_intl_usd AS own, max(o.gpv_country_usd) OVER (PARTITION BY y.year, c.iso3) AS place,
    max(o.gpv_chain_world_usd) OVER (PARTITION BY y.year, ch.chain) AS chain_world,
    max(o.gpv_world_usd) OVER (PARTITION BY y.year) AS world,
    o.plq_w3 AS plq, o.gpv_share_w3 AS share, o.sigma_production AS sigma,
    o.yield_w3 / nullif(o.yield_ref_a, 0) AS productivity
FROM (
    SELECT unnest(generate_series(min(year), max(year)))::SMALLINT AS year FROM mart_chain_output
    WHERE gpv_intl_usd IS NOT NULL
) y
CROSS JOIN (FROM dim_country WHERE focus OR panel) c
CROSS JOIN dim_chain ch
LEFT JOIN mart_chain_output o ON o.iso3 = c.iso3 AND o.chain = ch.chain AND o.year = y.year
ORDER BY y.year, c.iso3, ch.chain
"""
_CELLS = ("own", "place", "chain_world", "world", "plq", "share", "sigma", "productivity")
_QUERY = """
SELECT g.iso3, g.chain, g.year, g.focus, g.panel, 'gpv_intl_usd' AS activity_measure,
    f.activity AS gpv_intl_usd_w3, f.share AS gpv_share_w3, f.plq AS plq_w3, f.plq_lo, f.plq_hi,
    f.n_years::BIGINT AS n_years_w3, f.n_places::BIGINT AS n_places,
    f.slq, f.slq >= p.slq_cut AS stands_out, f.boot_cut AS slq_boot_cut, f.slq >= f.boot_cut AS stands_out_boot,
    f.size = 1 AS star_size, f.spec = 1 AS star_spec, f.focus_star = 1 AS star_focus, f.count::SMALLINT AS stars,
    f.productive = 1 AS star_prod, f.missing_size AS missing_gpv_intl_usd, f.missing_lq AS missing_plq,
    f.missing_focus AS missing_gpv_share, f.nearest AS next_star, f.distance AS next_star_distance,
    f.rise AS plq_rise, f.kind AS location_type, f.g, f.gamma,
    concat_ws(
        ';',
        CASE WHEN f.n_years = 0 THEN 'no_source' WHEN f.n_years < p.least THEN 'window_too_short' END,
        CASE WHEN f.plq IS NOT NULL AND f.plq_lo IS NULL THEN 'no_interval' END,
        f.no_slq,
        CASE WHEN f.g IS NULL THEN 'places_unknown' END
    ) AS flag
FROM grid g POSITIONAL JOIN found f
CROSS JOIN (SELECT parameter('slq_cut') AS slq_cut, parameter('window_min_years') AS least) p
"""


@dataclass(frozen=True)
class Grid:
    """All figures as years by places by chains (``of``), nan where unknown; chains are those of dim_chain, sorted."""

    years: list[int]
    places: list[str]
    of: dict[str, Floats]


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per focus or panel country, chain and year."""
    rows = con.sql(_GRID).to_arrow_table()
    years, places, chains = (sorted(set(rows[name].to_pylist())) for name in ("year", "iso3", "chain"))
    shape = (len(years), len(places), len(chains))
    grid = Grid(years, places, {name: to_numpy(rows[name]).reshape(shape) for name in _CELLS})
    method = parameters(con)
    con.register("grid", rows)
    con.register("found", pa.concat_tables([_none(), *(_year(grid, n, method) for n in range(len(grid.years)))]))
    return con.sql(_QUERY)


def _year(grid: Grid, n: int, method: Parameters) -> pa.Table:
    """Figures of the window that ends in year ``n``, places by chains in the order of the grid."""
    span, year = int(method["window_years"]), grid.years[n]
    window = {name: values[max(0, n - span + 1) : n + 1] for name, values in grid.of.items()}
    known = ~np.isnan(window["own"] + window["chain_world"] + window["world"]) & (window["place"] > 0)
    n_years = known.sum(axis=0)
    activity = np.where(n_years >= method["window_min_years"], mean_known(window["own"]), np.nan)
    plq, share = grid.of["plq"][n], grid.of["share"][n]
    low, high = _interval(grid, window, known, year, method)
    n_places = np.broadcast_to((~np.isnan(plq)).sum(axis=0), plq.shape)
    z = location.standardised(plq, min_places=int(method["slq_min_places"]))
    cut = location.bootstrap_cutoff(
        z.values,
        draws=int(method["slq_bootstrap_draws"]),
        quantile=method["slq_bootstrap_quantile"],
        min_places=int(method["slq_min_places"]),
        seed=seed_of("country location", "cut-off", year),
    )
    earned = stars.stars(activity, plq, low, share, _thresholds(method))
    rise = (plq - grid.of["plq"][n - span]) / span if n >= span else np.full(plq.shape, np.nan)
    kind = stars.typology(earned, plq, rise, rise_min=method["typology_rise_min"], lq_min=method["typology_lq_min"])
    g, gamma = _concentration(activity, mean_known(window["place"]), method)
    figures = {
        "activity": activity,
        "share": share,
        "plq": plq,
        "plq_lo": low,
        "plq_hi": high,
        "n_years": n_years.astype(np.float64),
        "n_places": n_places.astype(np.float64),
        "slq": z.values,
        "boot_cut": np.broadcast_to(cut, plq.shape),
        "size": earned.size,
        "spec": earned.spec,
        "focus_star": earned.focus,
        "count": earned.count,
        "productive": stars.productivity_star(grid.of["productivity"][n], top=method["star_top_productivity"]),
        "missing_size": earned.missing_size,
        "missing_lq": earned.missing_lq,
        "missing_focus": earned.missing_focus,
        "distance": earned.distance,
        "rise": rise,
        "g": np.broadcast_to(g, plq.shape),
        "gamma": np.broadcast_to(gamma, plq.shape),
    }
    texts = {"nearest": earned.nearest, "kind": kind, "no_slq": np.broadcast_to(z.reason, plq.shape)}
    columns = [to_arrow(figures[name].reshape(-1)) for name in _FIGURES]
    columns += [pa.array(texts[name].reshape(-1).tolist(), pa.string()) for name in _TEXTS]
    return pa.Table.from_arrays(columns, names=[*_FIGURES, *_TEXTS])


_FIGURES = (
    *("activity", "share", "plq", "plq_lo", "plq_hi", "n_years", "n_places", "slq", "boot_cut", "size", "spec"),
    *("focus_star", "count", "productive", "missing_size", "missing_lq", "missing_focus", "distance", "rise"),
    *("g", "gamma"),
)
_TEXTS = ("nearest", "kind", "no_slq")


def _none() -> pa.Table:
    return pa.schema(dict.fromkeys(_FIGURES, pa.float64()) | dict.fromkeys(_TEXTS, pa.string())).empty_table()


def _thresholds(method: Parameters) -> stars.Thresholds:
    return stars.Thresholds(
        top=method["star_top"],
        size_min=method["star_size_min"],
        focus_min=method["star_focus_min"],
        lq_min=method["star_lq_min"],
        bound_min=method["star_bound_min"],
    )


def _interval(
    grid: Grid, window: dict[str, Floats], known: NDArray[np.bool_], year: int, method: Parameters
) -> tuple[Floats, Floats]:
    """Bounds of every quotient from resampled years and the error of the output; of the years that a cell knows.

    Each country has draws of its own, all chains of it together, so that a country more or less moves no other.
    """
    sigma = mean_known(window["sigma"])
    low, high = np.full(sigma.shape, np.nan), np.full(sigma.shape, np.nan)
    for p, iso3 in enumerate(grid.places):
        for pattern in np.unique(known[:, p].T, axis=0):
            if pattern.sum() < method["window_min_years"]:
                continue
            bounds = location.resampled_interval(
                *(window[name][pattern, p] for name in ("own", "place", "chain_world", "world")),
                sigma=sigma[p],
                draws=int(method["resampling_draws"]),
                level=method["lq_level"],
                seed=seed_of("country location", "years", year, iso3),
            )
            same = (pattern == known[:, p].T).all(axis=1)
            # The last bits of exp differ between machines.
            low[p, same], high[p, same] = (np.round(bounds[side][same], 9) for side in (0, 2))
    return low, high


def _concentration(activity: Floats, agriculture: Floats, method: Parameters) -> tuple[Floats, Floats]:
    """G and gamma of every chain over the places that are known, which must hold most of agriculture."""
    g, gamma = np.full(activity.shape[1], np.nan), np.full(activity.shape[1], np.nan)
    reference = agriculture[:, 0]
    for chain, values in enumerate(activity.T):
        held = ~np.isnan(values) & (reference > 0)
        if held.any() and reference[held].sum() >= method["known_share_min"] * np.nansum(reference):
            g[chain] = agglomeration.raw_concentration(values[held], reference[held])
            gamma[chain] = agglomeration.gamma(g[chain], reference[held], method["farm_herfindahl"])
    return g, gamma
