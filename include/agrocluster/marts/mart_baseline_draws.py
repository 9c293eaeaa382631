"""Scores of every focus cell under drawn errors of the data, choices of method and weights (Saisana and others 2005).

Draw n of every baseline shares its random numbers, so differences between baselines can be told from noise. The rows
are the whole experiment: any quantile, rank or probability can be taken from them.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.index.plan import Plan, random_draws
from agrocluster.marts.index.prepared import Prepared, prepared
from agrocluster.marts.index.simulate import simulated
from agrocluster.model.arrays import labels_to_arrow, to_arrow

DECIMALS = 4
"""Points are rounded: the last bits of exponentials differ between processors."""

_QUERY = """
SELECT baseline_id, iso3, chain, draw, position, headroom, sqrt(position * headroom).round({decimals}) AS potential,
    CASE
        WHEN position IS NULL OR headroom IS NULL OR above IS NULL OR beyond IS NULL THEN NULL
        WHEN above = 1 AND beyond = 1 THEN 'build' WHEN above = 1 THEN 'defend'
        WHEN beyond = 1 THEN 'prepare' ELSE 'leave'
    END AS quadrant
FROM drawn
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country, chain and draw."""
    ready = prepared(con)
    plan = random_draws(ready.source.index, ready.source.method)
    con.register("drawn", pa.concat_tables(_rows(ready, n, plan) for n in range(len(ready.source.frame.baselines))))
    return con.sql(_QUERY.format(decimals=DECIMALS))


def _rows(ready: Prepared, baseline: int, plan: Plan) -> pa.Table:
    frame, index = ready.source.frame, ready.source.index
    found, medians = simulated(ready.source, baseline, plan, ready.scales)
    beyond = np.where(
        np.isnan(found.common) | np.isnan(medians[:, None, None]), np.nan, found.common >= medians[:, None, None]
    )
    figures = {
        "position": np.round(found.position, DECIMALS),
        "headroom": np.round(found.headroom, DECIMALS),
        "above": beyond[..., 0],
        "beyond": beyond[..., 1],
    }
    shape = found.position.shape
    focus = [c for c, mine in zip(frame.countries, frame.focus.tolist(), strict=True) if mine]
    draws = np.broadcast_to(np.arange(plan.n, dtype=np.int16)[:, None, None], shape)
    return pa.table(
        {
            "baseline_id": labels_to_arrow([frame.baselines[baseline]], (1, *shape), 0),
            "iso3": labels_to_arrow(focus, shape, 1),
            "chain": labels_to_arrow(index.chains, shape, 2),
            "draw": to_arrow(np.ascontiguousarray(draws).reshape(-1)),
        }
        | {name: to_arrow(np.ascontiguousarray(values).reshape(-1)) for name, values in figures.items()}
    ).cast(_SCHEMA)


_SCHEMA = pa.schema(
    {"baseline_id": pa.string(), "iso3": pa.string(), "chain": pa.string(), "draw": pa.int16()}
    | dict.fromkeys(("position", "headroom", "above", "beyond"), pa.float64())
)
