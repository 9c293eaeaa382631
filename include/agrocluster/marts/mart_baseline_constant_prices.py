"""The index as it would be had the window's goods been traded at the world unit values of the reference window.

What is left of a change between two baselines at constant prices did not come from the world market: neither from the
prices of the chain nor from those of everything else a country sells. Unit values are world exports of a code over
their weight, where the weight is not an estimate. Goods without one take the mean change of the others in their sum;
sums of which little is known stay as they are.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.index.drawn import Prices, at_prices_of
from agrocluster.marts.index.prepared import DECIMALS, Prepared, prepared
from agrocluster.marts.index.state import STAGES
from agrocluster.marts.index.values import pivot
from agrocluster.model.arrays import labels_to_arrow, to_arrow

_FLOWS = """
CREATE OR REPLACE TEMP TABLE repriced_flow AS
WITH sold AS (
    SELECT b.baseline_id, b.is_reference, f.exporter AS iso3, f.hs_code, sum(f.value_usd) AS v,
        sum(f.value_usd) FILTER (f.net_kg > 0 AND f.flag = '') AS weighed_usd,
        sum(f.net_kg) FILTER (f.net_kg > 0 AND f.flag = '') AS kg
    FROM fact_trade f JOIN dim_baseline b ON f.year BETWEEN b.first_year AND b.last_year
    WHERE f.importer = 'WLD' AND f.exporter <> 'WLD' AND f.value_usd IS NOT NULL
        AND f.hs_edition = parameter_text('hs_edition') AND f.flow_variant = parameter_text('flow_variant')
    GROUP BY ALL
),
price AS (
    SELECT baseline_id, is_reference, hs_code,
        sum(weighed_usd ORDER BY iso3) / sum(kg ORDER BY iso3) AS uv FROM sold GROUP BY ALL
)
SELECT s.baseline_id, s.iso3, s.hs_code, k.chain, k.stage, s.v, r.uv / n.uv AS change,
    coalesce(k.agri_base, try_cast(left(s.hs_code, 2) AS INTEGER) <= parameter('agri_base_last_chapter'), false) AS agri
FROM sold s
JOIN price n USING (baseline_id, hs_code)
LEFT JOIN price r ON r.is_reference AND r.hs_code = s.hs_code
LEFT JOIN dim_product k ON k.hs_code = s.hs_code AND k.hs_edition = parameter_text('hs_edition')
    AND k.role IN ('own', 'dual')
"""
_FACTOR = """
CASE WHEN sum(v) FILTER (change IS NOT NULL) >= parameter('known_share_min') * sum(v)
    THEN sum(v * change ORDER BY iso3, hs_code) / sum(v ORDER BY iso3, hs_code) FILTER (change IS NOT NULL) END
"""
_OF_CHAINS = f"""
SELECT baseline_id, iso3, chain, stage, {_FACTOR} AS factor FROM repriced_flow WHERE chain IS NOT NULL GROUP BY ALL
UNION ALL
SELECT baseline_id, 'WLD', chain, stage, {_FACTOR} FROM repriced_flow WHERE chain IS NOT NULL GROUP BY ALL
"""
_OF_TOTALS = f"""
WITH of_country AS (
    SELECT baseline_id, iso3, hs_code, v, change, agri FROM repriced_flow
    UNION ALL SELECT baseline_id, 'WLD', hs_code, sum(v ORDER BY iso3), any_value(change), agri
    FROM repriced_flow GROUP BY baseline_id, hs_code, agri
)
SELECT baseline_id, iso3, 'all' AS goods, {_FACTOR} AS factor FROM of_country GROUP BY ALL
UNION ALL
SELECT baseline_id, iso3, 'agri', {_FACTOR} FROM of_country WHERE agri GROUP BY ALL
"""
_LEVELS = """
WITH inflation AS (
    SELECT year, any_value(value ORDER BY dataset) AS rate FROM fact_indicator
    WHERE indicator = parameter_text('deflator_indicator') AND iso3 = parameter_text('deflator_country')
        AND value IS NOT NULL GROUP BY year
),
price AS (SELECT year, exp(sum(ln(1 + rate / 100)) OVER (ORDER BY year)) AS level FROM inflation),
window_level AS (
    SELECT b.baseline_id, b.is_reference, avg(p.level ORDER BY p.year) AS level
    FROM dim_baseline b JOIN price p ON p.year BETWEEN b.first_year AND b.last_year GROUP BY ALL
)
SELECT w.baseline_id, w.level / r.level AS level FROM window_level w JOIN window_level r ON r.is_reference
"""

_QUERY = """
SELECT baseline_id, iso3, chain, world_price_change, position, headroom,
    round(sqrt(position * headroom), {decimals}) AS potential
FROM repriced
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country and chain."""
    ready = prepared(con)
    frame = ready.source.frame
    con.execute(_FLOWS)
    found = [_prices(con, ready, n) for n in range(len(frame.baselines))]
    con.register("repriced", pa.concat_tables(_rows(ready, n, prices) for n, prices in enumerate(found)))
    return con.sql(_QUERY.format(decimals=DECIMALS))


def _prices(con: duckdb.DuckDBPyConnection, ready: Prepared, baseline: int) -> Prices:
    frame, index = ready.source.frame, ready.source.index
    name, places = ("baseline_id", [frame.baselines[baseline]]), ("iso3", [*frame.countries, "WLD"])
    chains = pivot(con, _OF_CHAINS, (name, places, ("chain", index.chains), ("stage", STAGES)), ("factor",))["factor"][
        0
    ]
    totals = pivot(con, _OF_TOTALS, (name, places, ("goods", ["all", "agri"])), ("factor",))["factor"][0]
    level = pivot(con, _LEVELS, (name,), ("level",))["level"][0]
    chains, totals, level = (np.where(np.isnan(v), 1.0, v) for v in (chains, totals, level))
    return Prices(
        chain=chains[:-1],
        world=chains[-1],
        all_goods=totals[:-1, 0],
        agri=totals[:-1, 1],
        world_all=float(totals[-1, 0]),
        world_agri=float(totals[-1, 1]),
        level=float(level),
    )


def _rows(ready: Prepared, baseline: int, prices: Prices) -> pa.Table:
    frame, index, state = ready.source.frame, ready.source.index, ready.source.state
    raw = at_prices_of(ready.source, baseline, prices)
    scores = np.where(frame.focus[:, None, None] | index.common, ready.scores(raw), np.nan)
    found = ready.outcome(scores)
    rows, _ = ready.source.spans(baseline)[0]
    world = np.nansum(state.world[rows], axis=0)
    kept = (world * prices.world).sum(axis=-1)
    change = np.log(np.divide(world.sum(axis=-1), kept, out=np.full(len(kept), np.nan), where=kept > 0))
    shape = (int(frame.focus.sum()), len(index.chains))
    focus = [c for c, mine in zip(frame.countries, frame.focus.tolist(), strict=True) if mine]
    figures = {
        "world_price_change": np.broadcast_to(change, shape),
        "position": found.position[0][frame.focus],
        "headroom": found.headroom[0][frame.focus],
    }
    schema = {"baseline_id": pa.string(), "iso3": pa.string(), "chain": pa.string()}
    return pa.table(
        {
            "baseline_id": labels_to_arrow([frame.baselines[baseline]], (1, *shape), 0),
            "iso3": labels_to_arrow(focus, shape, 0),
            "chain": labels_to_arrow(index.chains, shape, 1),
        }
        | {name: to_arrow(np.ascontiguousarray(np.round(v, DECIMALS)).reshape(-1)) for name, v in figures.items()}
    ).cast(pa.schema(schema | dict.fromkeys(figures, pa.float64())))
