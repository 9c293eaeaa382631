"""Every indicator behind every baseline cell: value, scale, score, and the weight with which it carried the score.

The full definition is kept in view: indicators that cannot be measured, do not apply or are missing have a row with the
reason. Pillars and weights come from the same engine that draws intervals; here its arrays become rows.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.index.prepared import Prepared, prepared
from agrocluster.measures.composite import effective_weights
from agrocluster.measures.safe import Floats
from agrocluster.model.arrays import labels_to_arrow, to_arrow

_QUERY = """
SELECT
    r.baseline_id, r.iso3, r.chain, pl.sub_index, i.pillar, r.indicator, c.focus,
    i.en AS name_en, i.ru AS name_ru, i.basis, i.transform,
    r.raw_value, i.unit, r.transformed, g.goalpost_low, g.goalpost_high, g.goalpost_id,
    r.score,
    CASE WHEN r.score IS NOT NULL
        THEN round(1 + 99 * (r.transformed - g.goalpost_low) / (g.goalpost_high - g.goalpost_low), 9)
    END AS score_unclipped,
    r.pillar_exists, r.index_exists,
    r.nominal_weight, r.weight_in_pillar, r.weight_in_common, r.effective_weight,
    CASE
        WHEN r.score IS NOT NULL THEN ''
        WHEN NOT r.applies THEN 'not_applicable'
        WHEN i.reason IS NOT NULL THEN i.reason
        WHEN i.scope = 'focus' AND NOT c.focus THEN 'focus_countries_only'
        WHEN b.last_year IS NULL THEN 'no_baseline_window'
        WHEN r.raw_value IS NULL THEN 'no_source'
        ELSE 'no_goalposts'
    END AS reason
FROM index_rows r
JOIN dim_baseline b USING (baseline_id) JOIN dim_country c USING (iso3)
JOIN cat_index_indicator i USING (indicator) JOIN cat_pillar pl USING (pillar)
LEFT JOIN mart_goalposts g ON g.kind = 'index' AND g.indicator = r.indicator
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, country, chain and indicator of the index version."""
    ready = prepared(con)
    con.register("index_rows", _rows(ready))
    return con.sql(_QUERY)


def _rows(ready: Prepared) -> pa.Table:
    source = ready.source
    index, frame = source.index, source.frame
    shape = source.published.shape
    parts: dict[str, list[np.ndarray]] = {}
    for baseline in range(len(frame.baselines)):
        scores = ready.scores(source.published[baseline])
        # What panel countries lack is not known of them, whatever a mart holds.
        scores = np.where(frame.focus[:, None, None] | index.common, scores, np.nan)
        found = ready.outcome(scores)
        subs = np.stack([found.position, found.headroom], axis=-1)[0].reshape(-1, index.structure.n_sub)
        exists = found.pillars.exists[0][..., index.structure.pillar_of]
        figures = {
            "score": scores,
            "pillar_exists": exists,
            "index_exists": ~np.isnan(subs)[..., index.structure.sub_of[index.structure.pillar_of]],
            "weight_in_pillar": found.pillars.weight[0],
            "weight_in_common": found.common_weight[0],
            "effective_weight": effective_weights(found.pillars, index.structure, subs[None])[0],
        }
        for name, values in figures.items():
            parts.setdefault(name, []).append(values.reshape(shape[1:]))
    figures = {name: np.stack(values) for name, values in parts.items()}
    figures |= {
        "raw_value": source.published,
        "transformed": ready.transformed,
        "nominal_weight": np.broadcast_to(_nominal(ready), shape),
        "applies": np.broadcast_to(index.applies, shape),
    }
    labels = {"baseline_id": frame.baselines, "iso3": frame.countries, "chain": index.chains, "indicator": index.names}
    keys = {name: labels_to_arrow(values, shape, n) for n, (name, values) in enumerate(labels.items())}
    return pa.table(keys | {name: to_arrow(np.ascontiguousarray(v).reshape(-1)) for name, v in figures.items()})


def _nominal(ready: Prepared) -> Floats:
    """Weight [chain, indicator] in the sub-index by the full definition; zero where an indicator does not apply."""
    of, applies = ready.source.index.structure, ready.source.index.applies
    own = np.where(applies, of.weight, 0.0)
    pillar = np.stack([own[:, of.pillar_of == p].sum(axis=1) for p in range(len(of.sub_of))], axis=-1)
    whole = np.array([of.pillar_weight[of.sub_of == s].sum() for s in range(of.n_sub)])
    share = of.pillar_weight / whole[of.sub_of]
    return np.divide(
        share[of.pillar_of] * own, pillar[:, of.pillar_of], out=np.zeros(own.shape), where=pillar[:, of.pillar_of] > 0
    )
