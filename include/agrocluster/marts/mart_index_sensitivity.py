"""Which choice of method moves the scores: exact Sobol indices over all combinations of the discrete choices.

Data are taken as they are and weights as published, so that what varies is the method alone. Rows of chain ``all``
weigh the cells of a country by their variance: there a choice counts where it moves anything.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.index.plan import Plan, choices, every_combination
from agrocluster.marts.index.prepared import Prepared, prepared
from agrocluster.marts.index.simulate import simulated
from agrocluster.measures.composite import potential
from agrocluster.measures.sensitivity import factorial_effects
from agrocluster.model.arrays import labels_to_arrow, to_arrow

OUTPUTS = ("position", "headroom", "potential")
DECIMALS = 6
"""Indices are rounded: the last bits of exponentials differ between processors."""

_QUERY = """
WITH cell AS (
    SELECT *,
        CASE WHEN isnan(variance) OR variance IS NULL THEN 'unknown_under_some_choices'
            WHEN first_order IS NULL THEN 'no_variance' ELSE '' END AS reason
    FROM sensitivity
)
SELECT * FROM cell
UNION ALL
SELECT baseline_id, iso3, 'all' AS chain, output, choice,
    round(sum(first_order * variance ORDER BY chain) / sum(variance ORDER BY chain) FILTER (reason = ''), {decimals}),
    round(sum(total * variance ORDER BY chain) / sum(variance ORDER BY chain) FILTER (reason = ''), {decimals}),
    round(avg(variance ORDER BY chain) FILTER (reason = ''), {decimals}),
    CASE WHEN count(*) FILTER (reason = '') = 0 THEN 'unknown_under_some_choices' ELSE '' END
FROM cell GROUP BY baseline_id, iso3, output, choice
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country, chain (and ``all``), output and choice."""
    ready = prepared(con)
    plan = every_combination(ready.source.index, ready.source.method)
    parts = [_rows(ready, n, plan) for n in range(len(ready.source.frame.baselines))]
    con.register("sensitivity", pa.concat_tables(parts))
    return con.sql(_QUERY.format(decimals=DECIMALS))


def _rows(ready: Prepared, baseline: int, plan: Plan) -> pa.Table:
    frame, index = ready.source.frame, ready.source.index
    names = list(choices(ready.source.method))
    found, _ = simulated(ready.source, baseline, plan, ready.scales)
    outputs = np.stack([found.position, found.headroom, potential(found.position, found.headroom)], axis=-1)
    effects = factorial_effects(outputs, np.stack([plan.choice[name] for name in names], axis=-1))
    shape = (*outputs.shape[1:], len(names))
    figures = {
        "first_order": np.moveaxis(effects.first, 0, -1),
        "total": np.moveaxis(effects.total, 0, -1),
        "variance": np.broadcast_to(effects.variance[..., None], shape),
    }
    focus = [c for c, mine in zip(frame.countries, frame.focus.tolist(), strict=True) if mine]
    labels = {"iso3": focus, "chain": index.chains, "output": OUTPUTS, "choice": names}
    columns = {"baseline_id": labels_to_arrow([frame.baselines[baseline]], (1, *shape), 0)}
    columns |= {name: labels_to_arrow(values, shape, n) for n, (name, values) in enumerate(labels.items())}
    columns |= {
        name: to_arrow(np.round(np.ascontiguousarray(values), DECIMALS).reshape(-1)) for name, values in figures.items()
    }
    texts = dict.fromkeys(("baseline_id", *labels), pa.string())
    return pa.table(columns).cast(pa.schema(texts | dict.fromkeys(figures, pa.float64())))
