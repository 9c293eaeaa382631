"""Where each chain is tightest in each baseline window: five stage scores and the clearly lowest (method 6).

It gathers what the scores rest on; the formula is ``measures.bottleneck``. Norms use the scales of the index
(mart_goalposts). Input dependence is not an indicator of the index, so its scale is taken here the same way, between
the parameters' quantiles of the reference window, with two differences that its distribution asks for: it spans six
powers of ten, hence the asinh, and each chain has a scale of its own, because inputs are other things in each: seed of
wheat, machines for milk. Markets are known of the focus countries only; others have no market stage.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.parameters import parameters
from agrocluster.measures.bottleneck import STAGES, bottleneck, bottleneck_vector
from agrocluster.model.arrays import texts_to_arrow, to_arrow, to_numpy

PARTS = {
    "input": ("input_dependence",),
    "primary": ("plq", "yield_gap"),
    "processed": ("rsca_processed", "dpr"),
    "final": ("rsca_final", "ui"),
    "market": ("realised", "hhi_dest"),
}
"""What each stage score rests on: the arguments of ``bottleneck_vector``, as ``known_parts`` names them."""

_NORM = """
-- Points between goalposts, 0 to 100. greatest() and least() pass over what is unknown, hence the condition.
CREATE OR REPLACE TEMP MACRO norm(y, low, high) AS
    CASE WHEN y IS NOT NULL AND low < high THEN 100 * greatest(0, least(1, (y - low) / (high - low))) END
"""
_QUERY = """
WITH depended AS (
    SELECT b.baseline_id, b.is_reference, m.iso3, m.chain, asinh(m.input_dependence / {unit}) AS y
    FROM dim_baseline b JOIN mart_chain_production m ON m.year = b.last_year
    JOIN dim_country c ON c.iso3 = m.iso3 AND (c.focus OR c.panel)
    WHERE m.input_dependence IS NOT NULL
),
input_scale AS (
    SELECT chain, quantile_cont(y, {low}) AS low, quantile_cont(y, {high}) AS high
    FROM depended WHERE is_reference GROUP BY chain HAVING count(DISTINCT y) >= {min_values}
),
rsca_scale AS (
    SELECT goalpost_low AS low, goalpost_high AS high FROM mart_goalposts
    WHERE kind = 'index' AND indicator = 'rsca_agri' AND status NOT IN ('too_few_values', 'no_spread')
),
stage AS (
    SELECT t.iso3, t.chain, t.year, t.stage,
        CASE t.index_base WHEN 'agri' THEN t.rsca_agri_w3 ELSE t.rsca_all_w3 END AS rsca,
        t.dpr_w3, t.ui_w3, t.hhi_dest_norm_w3
    FROM mart_chain_trade t
),
held AS (SELECT DISTINCT chain, stage FROM mart_chain_trade)
SELECT b.baseline_id, c.iso3, c.focus, ch.chain,
    norm(d.y, i.low, i.high) AS input_dependence,
    100 * (plq.score - 1) / 99 AS plq,
    CASE WHEN ch.yield_of = 'crop' AND o.yield_kind = 'crop'
        OR ch.yield_of = 'livestock' AND o.yield_kind <> 'crop' THEN o.yield_gap_w3 END AS yield_gap,
    norm(made.rsca, r.low, r.high) AS rsca_processed,
    CASE WHEN has_made.chain IS NOT NULL THEN total.dpr_w3 END AS dpr,
    norm(final.rsca, r.low, r.high) AS rsca_final,
    CASE WHEN has_final.chain IS NOT NULL THEN total.ui_w3 END AS ui,
    e.realised_share AS realised,
    total.hhi_dest_norm_w3 AS hhi_dest
FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN dim_chain ch
LEFT JOIN rsca_scale r ON true
LEFT JOIN input_scale i ON i.chain = ch.chain
LEFT JOIN depended d ON d.baseline_id = b.baseline_id AND d.iso3 = c.iso3 AND d.chain = ch.chain
LEFT JOIN mart_baseline_indicators plq ON plq.baseline_id = b.baseline_id AND plq.iso3 = c.iso3
    AND plq.chain = ch.chain AND plq.indicator = 'plq'
LEFT JOIN mart_chain_production o ON o.iso3 = c.iso3 AND o.chain = ch.chain AND o.year = b.last_year
LEFT JOIN stage made ON made.iso3 = c.iso3 AND made.chain = ch.chain AND made.year = b.last_year
    AND made.stage = 'processed'
LEFT JOIN stage final ON final.iso3 = c.iso3 AND final.chain = ch.chain AND final.year = b.last_year
    AND final.stage = 'final'
LEFT JOIN stage total ON total.iso3 = c.iso3 AND total.chain = ch.chain AND total.year = b.last_year
    AND total.stage = 'total'
LEFT JOIN held has_made ON has_made.chain = ch.chain AND has_made.stage = 'processed'
LEFT JOIN held has_final ON has_final.chain = ch.chain AND has_final.stage = 'final'
LEFT JOIN mart_export_potential_chain e ON e.baseline_id = b.baseline_id AND e.iso3 = c.iso3
    AND e.chain = ch.chain AND e.market = 'WLD'
WHERE c.focus OR c.panel
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, country (focus and panel) and chain."""
    con.execute(_NORM)
    defaults = parameters(con)
    known = con.sql(
        _QUERY.format(
            unit=defaults["input_dependence_unit"],
            low=defaults["goalpost_low"],
            high=defaults["goalpost_high"],
            min_values=defaults["goalpost_min_values"],
        )
    ).to_arrow_table()
    con.register("scored", _scored(known, defaults["bottleneck_margin"]))
    return con.sql(
        f"""
        SELECT baseline_id, iso3, focus, chain, b_input, b_primary, b_processed, b_final, b_market,
            {_known_parts()} AS known_parts, bottleneck, margin, n_stages::SMALLINT AS n_stages
        FROM scored
        """
    )


def _scored(known: pa.Table, least: float) -> pa.Table:
    """``known`` with the vector, the stage it names and its margin."""
    parts = {part: to_numpy(known[part]) for names in PARTS.values() for part in names}
    vector = bottleneck_vector(**parts)
    place, margin = bottleneck(vector, least)
    named = np.append(STAGES, "none_clear")[place]
    columns = {f"b_{stage}": to_arrow(vector[:, i]) for i, stage in enumerate(STAGES)} | {
        "bottleneck": texts_to_arrow(np.where(np.isnan(margin), "too_few_stages", named).tolist()),
        "margin": to_arrow(margin),
        "n_stages": to_arrow((~np.isnan(vector)).sum(axis=1)),
    }
    for name, column in columns.items():
        known = known.append_column(name, column)
    return known


def _known_parts() -> str:
    """SQL of the parts that are known, as ``stage:part+part;stage:part``."""
    stages = (
        f"'{stage}:' || nullif(concat_ws('+', "
        + ", ".join(f"CASE WHEN {part} IS NOT NULL THEN '{part}' END" for part in parts)
        + "), '')"
        for stage, parts in PARTS.items()
    )
    return f"nullif(concat_ws(';', {', '.join(stages)}), '')"
