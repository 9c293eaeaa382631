"""The index as it would be had the window's goods been traded at the world unit values of the reference window.

What is left of a change between two baselines at constant prices did not come from the world market. Unit values are
world exports of a code over their weight; codes without weights in either window leave a stage's price as it is where
they are few, and the stage as it is where they are many.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.index.drawn import at_prices_of
from agrocluster.marts.index.prepared import Prepared, prepared
from agrocluster.marts.index.state import STAGES
from agrocluster.marts.index.values import pivot
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import labels_to_arrow, to_arrow

_PRICES = """
WITH sold AS (
    SELECT b.baseline_id, b.is_reference, f.hs_code, sum(f.value_usd) AS v,
        sum(f.value_usd) FILTER (f.net_kg > 0) / sum(f.net_kg) FILTER (f.net_kg > 0) AS uv
    FROM fact_trade f JOIN dim_baseline b ON f.year BETWEEN b.first_year AND b.last_year
    WHERE f.importer = 'WLD' AND f.exporter <> 'WLD' AND f.value_usd IS NOT NULL
        AND f.hs_edition = parameter_text('hs_edition') AND f.flow_variant = parameter_text('flow_variant')
    GROUP BY ALL
)
SELECT n.baseline_id, k.chain, k.stage,
    sum(n.v * r.uv / n.uv) / nullif(sum(n.v) FILTER (r.uv > 0 AND n.uv > 0), 0) AS deflator,
    coalesce(sum(n.v) FILTER (r.uv > 0 AND n.uv > 0), 0) / sum(n.v) AS coverage
FROM sold n JOIN dim_product k ON k.hs_code = n.hs_code AND k.hs_edition = parameter_text('hs_edition')
LEFT JOIN sold r ON r.hs_code = n.hs_code AND r.is_reference
WHERE k.role IN ('own', 'dual')
GROUP BY ALL
HAVING sum(n.v) > 0
"""
_QUERY = "SELECT baseline_id, iso3, chain, world_price_change, position, headroom, sqrt(position * headroom) AS potential FROM repriced"


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country and chain."""
    ready = prepared(con)
    frame, index = ready.source.frame, ready.source.index
    axes = (("baseline_id", frame.baselines), ("chain", index.chains), ("stage", STAGES))
    found = pivot(con, _PRICES, axes, ("deflator", "coverage"))
    enough = found["coverage"] >= ready.source.method["known_share_min"]
    deflator = np.where(enough, found["deflator"], np.nan)
    con.register("repriced", pa.concat_tables(_rows(ready, n, deflator[n]) for n in range(len(frame.baselines))))
    return con.sql(_QUERY)


def _rows(ready: Prepared, baseline: int, deflator: Floats) -> pa.Table:
    frame, index, state = ready.source.frame, ready.source.index, ready.source.state
    raw = at_prices_of(ready.source, baseline, deflator)
    scores = np.where(frame.focus[:, None, None] | index.common, ready.scores(raw), np.nan)
    found = ready.outcome(scores)
    rows, _ = ready.source.spans(baseline)[0]
    world = np.nansum(state.world[rows], axis=0)
    kept = (world * np.where(np.isnan(deflator), 1.0, deflator)).sum(axis=-1)
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
        | {name: to_arrow(np.ascontiguousarray(values).reshape(-1)) for name, values in figures.items()}
    ).cast(pa.schema(schema | dict.fromkeys(figures, pa.float64())))
