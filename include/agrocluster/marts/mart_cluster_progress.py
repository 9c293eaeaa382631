"""Progress of every focus cell between two windows: what changed, what was only revised, what prices did.

Everything is on one scale and from the data of this release, except the frozen score, which is what was said then
(method 9.9). Change is judged against the uncertainty that both windows do not share. What peers, other chains and
a synthetic control did stands beside it; no cause is attributed.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from agrocluster.marts.change import COMMON, PAIRS, changes, judged, spread_query
from agrocluster.marts.parameters import Parameters, parameters

PILLARS = ("p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")
KEY = ("baseline_id", "followup_id", "iso3", "chain")

_CELLS = """
WITH pair AS ({pairs}),
spread AS ({spread}),
now AS (
    SELECT baseline_id, any_value(first_year) AS first_year, any_value(last_year) AS last_year,
        any_value(index_version) AS index_version, any_value(goalpost_id) AS goalpost_id,
        any_value(panel_id) AS panel_id
    FROM mart_cluster_baseline GROUP BY baseline_id
),
kept AS (
    SELECT frozen_order, any_value(frozen_id) AS frozen_id, any_value(first_year) AS first_year,
        any_value(last_year) AS last_year, any_value(index_version) AS index_version,
        any_value(goalpost_id) AS goalpost_id, any_value(panel_id) AS panel_id
    FROM frozen_baseline GROUP BY frozen_order
),
chosen AS (  -- the first that was frozen of the same window and scale
    SELECT n.baseline_id, count(*) AS n_frozen,
        arg_min(k.frozen_id, k.frozen_order) FILTER (
            k.index_version = n.index_version AND k.goalpost_id = n.goalpost_id AND k.panel_id = n.panel_id
        ) AS frozen_id
    FROM now n JOIN kept k USING (first_year, last_year) GROUP BY n.baseline_id
),
common AS ({common}),
peers AS (
    SELECT baseline_id, followup_id, chain, avg(change ORDER BY iso3) AS change, count(change) AS n
    FROM common WHERE panel AND NOT focus GROUP BY ALL
),
held AS (
    SELECT p.baseline_id, p.followup_id, b.iso3, b.chain, f.potential - b.potential AS change
    FROM pair p
    JOIN mart_cluster_baseline b ON b.baseline_id = p.baseline_id AND b.focus
    JOIN mart_cluster_baseline f ON f.baseline_id = p.followup_id AND f.iso3 = b.iso3 AND f.chain = b.chain
),
others AS (
    SELECT a.baseline_id, a.followup_id, a.iso3, a.chain, avg(o.change ORDER BY o.chain) AS change, count(o.change) AS n
    FROM held a JOIN held o ON o.baseline_id = a.baseline_id AND o.followup_id = a.followup_id AND o.iso3 = a.iso3
        AND o.chain <> a.chain
    GROUP BY ALL
),
synthetic AS (
    SELECT baseline_id, followup_id, iso3, chain, sum(weight * donor_change ORDER BY donor_iso3) AS change,
        any_value(fit_rmse) AS fit_rmse
    FROM mart_progress_donors GROUP BY ALL
),
uneven AS (  -- indicators that carry one of the two scores and not the other
    SELECT p.baseline_id, p.followup_id, b.iso3, b.chain,
        count(*) FILTER ((b.effective_weight > 0) <> (f.effective_weight > 0)) AS n
    FROM pair p
    JOIN mart_baseline_indicators b ON b.baseline_id = p.baseline_id AND b.focus
    JOIN mart_baseline_indicators f ON f.baseline_id = p.followup_id AND f.iso3 = b.iso3 AND f.chain = b.chain
        AND f.indicator = b.indicator
    GROUP BY ALL
)
SELECT p.baseline_id, p.followup_id, b.iso3, b.chain, b.country_en, b.country_ru, b.chain_en, b.chain_ru,
    p.first_year, p.last_year, p.followup_first_year, p.followup_last_year,
    c.frozen_id, coalesce(c.n_frozen, 0) AS n_frozen,
    z.potential AS s_frozen, b.potential AS s_baseline, f.potential AS s_followup,
    {changes}, {pillars},
    s.n_draws, s.* EXCLUDE (baseline_id, followup_id, iso3, chain, n_draws),
    own.change AS common_change, u.n AS n_indicators_differ,
    CASE WHEN peers.n >= {min_peers} THEN peers.change END AS peer_change, coalesce(peers.n, 0) AS n_peers,
    CASE WHEN others.n >= {min_chains} THEN others.change END AS chains_change, coalesce(others.n, 0) AS n_chains,
    y.change AS synthetic_change, y.fit_rmse,
    b.index_version, b.goalpost_id, b.panel_id
FROM pair p
JOIN mart_cluster_baseline b ON b.baseline_id = p.baseline_id AND b.focus
JOIN mart_cluster_baseline f ON f.baseline_id = p.followup_id AND f.iso3 = b.iso3 AND f.chain = b.chain
LEFT JOIN chosen c ON c.baseline_id = p.baseline_id
LEFT JOIN frozen_baseline z ON z.frozen_id = c.frozen_id AND z.iso3 = b.iso3 AND z.chain = b.chain
LEFT JOIN spread s ON {on_s}
LEFT JOIN common own ON {on_own}
LEFT JOIN peers ON peers.baseline_id = p.baseline_id AND peers.followup_id = p.followup_id AND peers.chain = b.chain
LEFT JOIN others ON {on_others}
LEFT JOIN synthetic y ON {on_y}
LEFT JOIN uneven u ON {on_u}
"""

_PUBLISHED = """
SELECT baseline_id, followup_id, iso3, chain, country_en, country_ru, chain_en, chain_ru,
    first_year, last_year, followup_first_year, followup_last_year,
    frozen_id, s_frozen, s_baseline, s_followup,
    CASE WHEN frozen_id IS NULL THEN potential_change ELSE s_followup - s_frozen END AS d_total,
    potential_change AS d_real,
    s_baseline - s_frozen AS d_revision,
    abs(d_revision) > {revision_points} AS revised,
    potential_price AS world_price_part,
    d_real - world_price_part AS d_beyond_prices,
    potential_se0 AS se_baseline, potential_se1 AS se_followup, potential_rho AS rho, coalesce(n_draws, 0) AS n_draws,
    potential_mdc AS mdc, potential_verdict AS verdict,
    position_change AS d_position, position_mdc, position_verdict,
    headroom_change AS d_headroom, headroom_mdc, headroom_verdict,
    {pillars},
    common_change AS d_common,
    peer_change, n_peers, d_common - peer_change AS did_peer,
    chains_change, n_chains, d_real - chains_change AS did_chain,
    synthetic_change, fit_rmse,
    CASE WHEN fit_rmse <= {max_fit_rmse} THEN d_common - synthetic_change END AS did_synthetic,
    concat_ws(
        ';',
        CASE WHEN s_baseline IS NULL THEN 'no_score_baseline' END,
        CASE WHEN s_followup IS NULL THEN 'no_score_followup' END,
        CASE WHEN d_real IS NOT NULL AND potential_mdc IS NULL THEN 'too_few_draws' END,
        CASE WHEN frozen_id IS NULL THEN CASE WHEN n_frozen > 0 THEN 'frozen_on_another_scale' ELSE 'not_frozen' END
            WHEN s_frozen IS NULL THEN 'no_score_frozen' END,
        CASE WHEN d_real IS NOT NULL AND potential_price IS NULL THEN 'world_prices_unknown' END,
        CASE WHEN followup_first_year <= last_year THEN 'windows_overlap' END,
        CASE WHEN d_real IS NOT NULL AND n_indicators_differ > 0 THEN 'indicators_differ' END,
        CASE WHEN peer_change IS NULL THEN 'too_few_peers' END,
        CASE WHEN chains_change IS NULL THEN 'too_few_chains' END,
        CASE WHEN synthetic_change IS NULL THEN 'no_donors' END,
        CASE WHEN fit_rmse > {max_fit_rmse} THEN 'poor_fit' END
    ) AS reasons,
    index_version, goalpost_id, panel_id
FROM judged
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per pair of windows, focus country and chain."""
    method = parameters(con)
    found = judged(_cells(con, method), method["progress_z"], method["progress_price_share_min"])
    con.register("judged", found)
    query = _PUBLISHED.format(
        pillars=", ".join(f"d_{name}" for name in PILLARS),
        revision_points=method["progress_revision_points"],
        max_fit_rmse=method["progress_max_fit_rmse"],
    )
    return con.sql(query)


def _cells(con: duckdb.DuckDBPyConnection, method: Parameters) -> pa.Table:
    spread = spread_query("mart_baseline_draws", "mart_baseline_draws", "pair", KEY, method["progress_min_draws"])
    joins = {
        f"on_{alias}": f"{alias}.baseline_id = p.baseline_id AND {alias}.followup_id = p.followup_id "
        f"AND {alias}.iso3 = b.iso3 AND {alias}.chain = b.chain"
        for alias in ("s", "own", "others", "y", "u")
    }
    query = _CELLS.format(
        pairs=PAIRS,
        common=COMMON,
        spread=spread,
        changes=changes("b", "f"),
        pillars=", ".join(f"f.{name} - b.{name} AS d_{name}" for name in PILLARS),
        min_peers=method["progress_min_peers"],
        min_chains=method["progress_min_chains"],
        **joins,
    )
    return con.sql(query).to_arrow_table()
