"""Trade among the focus countries, and how far they trade with each other rather than outside (method 1.10).

Three variants stand side by side: as each country reports its own trade, as its partners report it, reconciled. A sum
of which too little is known is unknown (0.4); world trade is BACI's in every variant.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from agrocluster.measures import intensity
from agrocluster.model.arrays import to_arrow, to_numpy

_SUMS = """
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter('known_share_min') AS known_min
),
focus AS (SELECT iso3 FROM dim_country WHERE focus),
product AS (
    SELECT hs_code, chain FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition AND role IN ('own', 'dual')
),
cell AS (
    SELECT c.year, exporter, importer, x_reported_usd AS x, m_mirror_fob_usd AS m, v_reconciled_usd AS v,
        unnest(CASE WHEN chain IS NULL THEN ['TOTAL'] ELSE ['TOTAL', chain] END) AS chain
    FROM mart_trade_cell c LEFT JOIN product USING (hs_code)
),
own AS (  -- every flow as a member's export and as a member's import
    SELECT year, chain, exporter, importer, v, importer IN (FROM focus) AS within, true AS is_export, x, m
    FROM cell WHERE exporter IN (FROM focus)
    UNION ALL
    SELECT year, chain, exporter, importer, v, exporter IN (FROM focus), false, m, x
    FROM cell WHERE importer IN (FROM focus)
),
variant AS (
    SELECT *, 'reported' AS variant, x AS usd FROM own
    UNION ALL SELECT *, 'mirror', m FROM own
    UNION ALL SELECT *, 'reconciled', v FROM own
),
summed AS (
    SELECT year, variant, chain, exporter, importer, sum(usd) AS usd,
        coalesce(sum(v) FILTER (usd IS NOT NULL), 0) / nullif(sum(v), 0) AS coverage, NULL::DOUBLE AS coverage_within,
        NULL::DOUBLE AS within_usd, NULL::DOUBLE AS region_usd
    FROM variant WHERE within AND is_export GROUP BY ALL
    UNION ALL
    SELECT year, variant, chain, 'REG', 'REG', NULL,
        coalesce(sum(v) FILTER (usd IS NOT NULL), 0) / nullif(sum(v), 0),
        coalesce(sum(v) FILTER (within AND usd IS NOT NULL), 0) / nullif(sum(v) FILTER (within), 0),
        coalesce(sum(usd) FILTER (within), 0), sum(usd)
    FROM variant GROUP BY ALL
),
world AS (
    SELECT year, chain, 2 * sum(value_usd) AS world_usd
    FROM (
        SELECT year, value_usd,
            unnest(CASE WHEN chain IS NULL THEN ['TOTAL'] ELSE ['TOTAL', chain] END) AS chain
        FROM fact_trade f JOIN p ON f.hs_edition = p.hs_edition AND f.flow_variant = 'reconciled'
        LEFT JOIN product USING (hs_code) WHERE importer = 'WLD'
    ) GROUP BY ALL
)
SELECT s.year, s.variant, s.chain, s.exporter, s.importer, coalesce(s.coverage, 0) AS coverage, s.coverage_within,
    CASE WHEN s.coverage >= p.known_min THEN s.usd END AS trade_usd,
    -- Where nobody sees trade among the members, what is known of all their trade decides.
    CASE WHEN least(s.coverage, coalesce(s.coverage_within, 1)) >= p.known_min THEN s.within_usd END AS within_usd,
    CASE WHEN s.coverage >= p.known_min THEN s.region_usd END AS region_usd,
    CASE WHEN s.exporter = 'REG' THEN world.world_usd END AS world_usd,
    concat_ws(
        ';',
        CASE WHEN coalesce(s.coverage, 0) < p.known_min THEN 'coverage_low' END,
        CASE WHEN s.coverage_within < p.known_min THEN 'within_unknown' END
    ) AS flag
FROM summed s CROSS JOIN p LEFT JOIN world USING (year, chain)
ORDER BY s.year, s.variant, s.chain, s.exporter, s.importer
"""


def build(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """One row per year, variant, chain (and all goods), exporter and importer; REG is the region as a whole."""
    table = con.sql(_SUMS).to_arrow_table()
    trade = [to_numpy(table[name]) for name in ("within_usd", "region_usd", "world_usd")]
    for name in ("itii", "hi", "he", "sti"):
        table = table.append_column(name, to_arrow(getattr(intensity, name)(*trade)))
    return table
