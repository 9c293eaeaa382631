"""Where each chain is tightest in each baseline window: five stage scores and the clearly lowest (method 6).

Norms use the scales of the index (mart_goalposts). Input dependence is not an indicator of this index version, so its
scale is taken here the same way: the parameters' quantiles over the reference window. Markets are known of the
focus countries only, others have no market stage; ``market_basis`` says which of its two parts are known.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.parameters import parameters

_NORM = """
-- Points between goalposts, 0 to 100. greatest() and least() pass over what is unknown, hence the condition.
CREATE OR REPLACE TEMP MACRO norm(y, low, high) AS
    CASE WHEN y IS NOT NULL AND low < high THEN 100 * greatest(0, least(1, (y - low) / (high - low))) END
"""

_QUERY = """
WITH depended AS (
    SELECT b.baseline_id, b.is_reference, m.iso3, m.chain, m.input_dependence AS y
    FROM dim_baseline b JOIN mart_chain_production m ON m.year = b.last_year
    JOIN dim_country c ON c.iso3 = m.iso3 AND (c.focus OR c.panel)
    WHERE m.input_dependence IS NOT NULL
),
input_scale AS (
    SELECT quantile_cont(y, {low}) AS low, quantile_cont(y, {high}) AS high
    FROM depended WHERE is_reference HAVING count(DISTINCT y) >= {min_values}
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
held AS (SELECT DISTINCT chain, stage FROM mart_chain_trade),
known AS (
    SELECT b.baseline_id, c.iso3, c.focus, ch.chain,
        norm(d.y, i.low, i.high) AS input_norm,
        100 * (plq.score - 1) / 99 AS plq_norm,
        100 * (1 - CASE WHEN ch.yield_of = 'crop' AND o.yield_kind = 'crop'
            OR ch.yield_of = 'livestock' AND o.yield_kind <> 'crop' THEN o.yield_gap_w3 END) AS yield_points,
        norm(made.rsca, r.low, r.high) AS processed_norm,
        100 * CASE WHEN has_made.chain IS NOT NULL THEN total.dpr_w3 END AS dpr_points,
        norm(final.rsca, r.low, r.high) AS final_norm,
        100 * CASE WHEN has_final.chain IS NOT NULL THEN total.ui_w3 END AS ui_points,
        100 * e.realised_share AS realised_points,
        100 * (1 - total.hhi_dest_norm_w3) AS spread_points
    FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN dim_chain ch
    LEFT JOIN input_scale i ON true LEFT JOIN rsca_scale r ON true
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
),
vector AS (
    SELECT *, 100 - input_norm AS b_input,
        list_avg([plq_norm, yield_points]) AS b_primary,
        list_avg([processed_norm, dpr_points]) AS b_processed,
        list_avg([final_norm, ui_points]) AS b_final,
        list_avg([realised_points, spread_points]) AS b_market,
        [b_input, b_primary, b_processed, b_final, b_market] AS b,
        list_sort(list_filter(b, lambda x: x IS NOT NULL)) AS ordered
    FROM known
)
SELECT baseline_id, iso3, focus, chain, b_input, b_primary, b_processed, b_final, b_market,
    CASE WHEN realised_points IS NULL AND spread_points IS NOT NULL THEN 'concentration'
        WHEN spread_points IS NULL AND realised_points IS NOT NULL THEN 'realised'
        WHEN b_market IS NOT NULL THEN 'realised_and_concentration' END AS market_basis,
    CASE WHEN ordered[2] - ordered[1] >= {margin}
        THEN ['input', 'primary', 'processed', 'final', 'market'][list_position(b, ordered[1])]
        ELSE 'none_clear' END AS bottleneck,
    ordered[2] - ordered[1] AS margin,
    len(ordered)::SMALLINT AS n_stages
FROM vector
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, country (focus and panel) and chain."""
    con.execute(_NORM)
    defaults = parameters(con)
    return con.sql(
        _QUERY.format(
            low=defaults["goalpost_low"],
            high=defaults["goalpost_high"],
            min_values=defaults["goalpost_min_values"],
            margin=defaults["bottleneck_margin"],
        )
    )
