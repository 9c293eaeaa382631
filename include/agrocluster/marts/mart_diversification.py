"""Goods of the chains that a focus country does not export yet, ranked (method 4.4)."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts import export_access
from agrocluster.marts.export_windows import Window, windows
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures import export_potential
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow, to_numpy

_CANDIDATES = """
SELECT k FROM window_product JOIN dim_product USING (hs_code) JOIN cat_stage USING (stage)
WHERE role IN ('own', 'dual') AND in_total
    AND hs_edition = parameter_text('hs_edition')
"""
_QUERY = """
WITH span AS (
    SELECT baseline_id, last_year,
        last_year + 1 - parameter('epi_window_years')::INTEGER
            AS first_year
    FROM dim_baseline
),
of_edition AS (
    SELECT hs_code, chain, stage FROM dim_product WHERE hs_edition = parameter_text('hs_edition')
),
linked AS (  -- farm items that FAO links to a code: the code needs one of them, not just any product of its chain
    SELECT DISTINCT 'product' AS gate, i.item_code, unnest(string_split(c.fao_hs12, '+')) AS hs_code
    FROM cat_production_item i JOIN cat_chain_code c ON c.code = i.item_code AND c.system = 'FAO' AND c.chain = i.chain
    WHERE i.role = 'output' AND c.fao_hs12 IS NOT NULL
),
made_of AS (  -- codes of chains with several raw materials need the one they are made of
    SELECT 'raw_material' AS gate, unnest(string_split(item_codes, '+')) AS item_code, hs_code
    FROM (SELECT unnest(string_split(hs_codes, '+')) AS hs_code, item_codes FROM cat_raw_material)
),
needed AS (
    FROM linked
    UNION ALL
    FROM made_of WHERE hs_code NOT IN (SELECT hs_code FROM linked)
    UNION ALL
    SELECT 'chain', i.item_code, d.hs_code FROM of_edition d JOIN cat_production_item i USING (chain)
    WHERE i.role = 'output' AND d.hs_code NOT IN (SELECT hs_code FROM linked UNION ALL SELECT hs_code FROM made_of)
),
item AS (
    SELECT s.baseline_id, p.iso3, p.item_code, bool_or(p.production_t > 0) AS made
    FROM span s JOIN mart_item_production p ON p.year BETWEEN s.first_year AND s.last_year GROUP BY ALL
),
grown AS (  -- true where one of the items was produced, false where all are known and none was
    SELECT s.baseline_id, c.iso3, n.hs_code,
        CASE WHEN bool_or(item.made) THEN true WHEN count(item.made) = count(*) THEN false END AS made
    FROM span s CROSS JOIN dim_country c CROSS JOIN needed n
    LEFT JOIN item ON item.baseline_id = s.baseline_id AND item.iso3 = c.iso3 AND item.item_code = n.item_code
    WHERE c.focus GROUP BY ALL
),
named AS (
    SELECT n.* EXCLUDE (i, j, k, top_markets), e.iso3, d.hs_code, d.chain, d.stage,
        coalesce(own.gate, 'chain') AS gate,
        grown.made AS feasible,
        m.iso3 AS market, nullif(n.top_markets, '') AS top_markets,
        CASE WHEN n.exports_usd > 0 THEN 'occasional' ELSE 'absent' END AS status,
        CASE WHEN NOT feasible THEN 'not_produced' WHEN feasible IS NULL THEN 'no_source'
            WHEN n.density IS NULL THEN 'no_density' WHEN n.pdi IS NULL THEN 'no_market' ELSE 'ranked' END AS reason
    FROM diversification_number n JOIN window_economy e USING (i) LEFT JOIN window_economy m ON m.j = n.j
    JOIN window_product USING (k) JOIN of_edition d USING (hs_code)
    LEFT JOIN (SELECT DISTINCT gate, hs_code FROM needed) own ON own.hs_code = d.hs_code
    LEFT JOIN grown ON grown.baseline_id = n.baseline_id AND grown.iso3 = e.iso3 AND grown.hs_code = d.hs_code
)
SELECT *,
    CASE WHEN reason = 'ranked'
        THEN rank() OVER (PARTITION BY baseline_id, iso3, reason = 'ranked' ORDER BY pdi DESC) END AS pdi_rank
FROM named
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country and candidate."""
    p = parameters(con)
    tables = [_numbers(con, p, window) for window in windows(con, p)]
    con.register("diversification_number", pa.concat_tables(tables))
    return con.sql(_QUERY)


def _numbers(con: duckdb.DuckDBPyConnection, p: Parameters, window: Window) -> pa.Table:
    static = export_potential.static(window.actual, window.supply, window.imports, window.counted)
    known = export_access.access(con, p, window)
    reach, near = known.distance() * known.tariff[:, :, None], _density(con, window)
    chains = np.array([k for (k,) in con.execute(_CANDIDATES).fetchall()], dtype=np.int64)
    # What a country without any return exports is unknown, and no candidate.
    lacking = ~window.supplied[:, chains] & ~np.isnan(window.exports[:, chains])
    parts = [
        _of_one(window, i, chains[lacking[i]], near[i], static.ease[i], reach[i] * known.demand, p)
        for i in range(len(window.exporters))
    ]
    return pa.concat_tables(parts)


def _of_one(
    window: Window,
    i: int,
    candidates: NDArray[np.int64],
    density: Floats,
    ease: Floats,
    reach: Floats,
    p: Parameters,
) -> pa.Table:
    """Candidates of exporter ``i`` with their best markets; ``reach`` is what D^ is over D, economies by products."""
    imports = window.imports[:, candidates]
    market = ~np.isnan(ease)
    market[window.own[i]] = False
    wanted = market[:, None] & window.demanded[:, candidates]
    demand = np.where(wanted, imports * reach[:, candidates], np.nan)
    g = export_potential.diversification(density[candidates], np.where(market, ease, np.nan), demand)
    score = np.where(np.isnan(g), -np.inf, g)
    best = np.argsort(-score, axis=0, kind="stable")[: int(p["epi_top_markets"])]
    top = np.take_along_axis(score, best, axis=0)
    economies, found = np.array(window.economies), np.isfinite(top[0])
    names = [" ".join(economies[column[good]]) for column, good in zip(best.T, np.isfinite(top).T, strict=True)]
    place = np.arange(candidates.size)
    columns = {
        "exports_usd": window.exports[i, candidates],
        "density": density[candidates],
        "ease": np.where(found, ease[best[0]], np.nan),
        "demand_usd": np.where(found, imports[best[0], place], np.nan),
        "pdi": np.where(found, top[0], np.nan),
    }
    return pa.table(
        {
            "baseline_id": repeated(window.baseline_id, candidates.size),
            "i": to_arrow(np.full(candidates.size, i)),
            "j": to_arrow(np.where(found, best[0], -1)),
            "k": to_arrow(candidates),
            "top_markets": texts_to_arrow(names),
        }
        | {name: to_arrow(values) for name, values in columns.items()}
    )


def _density(con: duckdb.DuckDBPyConnection, window: Window) -> Floats:
    """Density of the exporters in every product's heading (3.1), from mart_complexity; E by K, nan where unknown."""
    held = con.sql(
        """
        SELECT e.i, p.k, c.density FROM mart_complexity c JOIN window_economy e USING (iso3)
        JOIN window_product p ON left(p.hs_code, 4) = c.heading
        WHERE c.year = $year AND e.focus AND c.density IS NOT NULL
        """,
        params={"year": window.last_year},
    ).to_arrow_table()
    found = np.full(window.exports.shape, np.nan)
    found[to_numpy(held["i"]), to_numpy(held["k"])] = to_numpy(held["density"])
    return found
