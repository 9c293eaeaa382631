"""Monthly trade of the focus countries by chain and stage, as they report it (see ``hs_conversion``).

Nothing is mirrored here: partners report months late and with their own calendar.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.hs_conversion import converted

_QUERY = """
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter('known_share_min') AS known_min,
        parameter('monthly_top_partners') AS top
),
product AS (
    SELECT hs_code, chain, stage FROM dim_product, p
    WHERE dim_product.hs_edition = p.hs_edition AND role IN ('own', 'dual')
),
flow AS (
    SELECT m.reporter, m.flow, m.partner, m.period, m.year, m.hs_edition, m.value_usd, m.net_kg, m.hs_split,
        product.chain, product.stage,
        bool_or(m.partner = 'WLD') OVER (PARTITION BY m.reporter, m.flow, m.period) AS world_stated
    FROM monthly m JOIN dim_country c ON c.iso3 = m.reporter JOIN product USING (hs_code)
    WHERE c.focus AND m.flow IN ('X', 'M') AND m.partner <> m.reporter
),
large AS (
    SELECT reporter, flow, partner FROM flow WHERE partner <> 'WLD' GROUP BY reporter, flow, partner
    QUALIFY row_number() OVER (PARTITION BY reporter, flow ORDER BY sum(value_usd) DESC, partner) <= (SELECT top FROM p)
),
shown AS (
    SELECT * FROM flow WHERE partner = 'WLD'
    UNION ALL
    SELECT * REPLACE ('WLD' AS partner) FROM flow WHERE NOT world_stated
    UNION ALL
    SELECT flow.* FROM flow JOIN large USING (reporter, flow, partner)
),
summed AS (
    SELECT f.reporter, f.flow, f.partner, f.chain, s.stage, f.period, f.year, f.hs_edition,
        sum(f.value_usd) AS value_usd,
        sum(f.net_kg) AS net_kg, count(f.net_kg) = count(*) AS all_weighed,
        sum(f.value_usd) FILTER (f.net_kg > 0) AS weighed_usd,
        bool_or(f.hs_split) AS hs_split
    FROM shown f
    JOIN cat_stage own ON own.stage = f.stage
    JOIN cat_stage s ON s.stage = f.stage OR (s.stage = 'total' AND own.in_total)
    GROUP BY ALL
)
SELECT reporter, flow, partner, chain, stage, period, year, substr(period, 5, 2)::SMALLINT AS month,
    summed.hs_edition,
    value_usd,
    CASE WHEN all_weighed THEN net_kg END AS net_kg,
    CASE WHEN weighed_usd >= known_min * value_usd THEN weighed_usd / net_kg END AS unit_value,
    coalesce(weighed_usd / nullif(value_usd, 0), 0) AS coverage,
    hs_split
FROM summed, p
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per reporter, flow, partner (the world and the largest), chain, stage and month."""
    converted(con, "M").create_view("monthly")
    return con.sql(_QUERY)
