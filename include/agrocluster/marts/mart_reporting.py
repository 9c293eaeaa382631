"""Who reported what, when and in which edition, and the checks before use (method 2.7). Shares only.

Focus countries have a row for every year of the data, so that a year without a report is seen as such. Of others only
trade with the focus countries is held, so a change of it says nothing about their report.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.hs_conversion import use_one_edition

_QUERY = """
WITH p AS (
    SELECT
        parameter('total_tolerance') AS tolerance,
        parameter('unspecified_partner_max') AS unspecified_max,
        parameter('reporter_jump_max') AS jump_max
),
filed AS (
    SELECT reporter, freq, period, year, count(*) AS n_rows, count(DISTINCT hs_edition) AS n_editions,
        string_agg(DISTINCT dataset, ',' ORDER BY dataset) AS datasets, max(stamp) AS source_stamp
    FROM current_customs LEFT JOIN (SELECT vintage_id, stamp FROM vintages) USING (vintage_id)
    GROUP BY reporter, freq, period, year
),
used AS (
    SELECT *, 'A' AS freq FROM customs_used_A UNION ALL SELECT *, 'M' FROM customs_used_M
),
edition AS (SELECT DISTINCT reporter, freq, period, hs_edition FROM used),
part AS (
    SELECT c.reporter, c.freq, c.period, c.flow,
        count(*) AS n_flow_rows, count(DISTINCT c.hs_code) FILTER (c.hs_level = 6) AS n_codes,
        count(DISTINCT c.partner) FILTER (c.partner <> 'WLD') AS n_partners,
        max(c.value_usd) FILTER (c.hs_level = 0 AND c.partner = 'WLD') AS total,
        sum(c.value_usd) FILTER (c.hs_level = 6 AND c.partner = 'WLD') AS codes_world,
        sum(c.value_usd) FILTER (c.hs_level = 6 AND c.partner <> 'WLD') AS codes,
        sum(c.value_usd) FILTER (c.hs_level = 6 AND c.partner_kind = 'unspecified') AS unspecified,
        sum(c.value_usd) FILTER (c.hs_level = 6 AND c.partner <> 'WLD' AND c.hs_code = '999999') AS no_code,
        sum(c.value_usd) FILTER (c.hs_level = 6 AND c.partner <> 'WLD' AND c.net_kg > 0) AS weighed
    FROM used c WHERE c.flow IN ('X', 'M') GROUP BY ALL
),
placed AS (
    SELECT reporter, 'A' AS freq, year::VARCHAR AS period, flow,
        sum(value_usd) AS placed,
        sum(value_usd) FILTER (conversion = 'unconverted') AS unconverted
    FROM mart_customs_hs12 WHERE partner <> 'WLD' GROUP BY ALL
),
expected AS (  -- every year of the data for the focus countries, whether they filed or not
    SELECT d.iso3 AS reporter, 'A' AS freq, y::VARCHAR AS period, y::SMALLINT AS year
    FROM dim_country d,
        (SELECT unnest(generate_series(min(year), max(year))) AS y FROM current_customs WHERE freq = 'A')
    WHERE d.focus
),
line AS (
    SELECT coalesce(f.reporter, e.reporter) AS reporter, coalesce(f.freq, e.freq) AS freq,
        coalesce(f.period, e.period) AS period, coalesce(f.year, e.year) AS year,
        f.* EXCLUDE (reporter, freq, period, year)
    FROM filed f FULL JOIN expected e USING (reporter, freq, period)
),
checked AS (
    SELECT l.*, s.flow, edition.hs_edition, coalesce(part.n_flow_rows, 0) AS n_flow_rows,
        coalesce(part.n_codes, 0) AS n_codes, coalesce(part.n_partners, 0) AS n_partners,
        coalesce(part.codes_world, part.codes) / nullif(part.total, 0) AS codes_share,
        coalesce(part.unspecified, 0) / nullif(part.codes, 0) AS unspecified_share,
        coalesce(part.no_code, 0) / nullif(part.codes, 0) AS no_code_share,
        coalesce(part.weighed, 0) / nullif(part.codes, 0) AS weighed_share,
        coalesce(placed.unconverted, 0) / nullif(placed.placed, 0) AS unconverted_share,
        placed.placed / nullif(part.codes, 0) AS converted_share,
        coalesce(part.total, part.codes) AS size
    FROM line l CROSS JOIN (VALUES ('X'), ('M')) s(flow)
    LEFT JOIN edition USING (reporter, freq, period)
    LEFT JOIN part USING (reporter, freq, period, flow)
    LEFT JOIN placed USING (reporter, freq, period, flow)
),
moved AS (
    SELECT *, CASE WHEN lag(year) OVER line = year - 1 AND freq = 'A' THEN size / lag(size) OVER line - 1 END AS change
    FROM checked WINDOW line AS (PARTITION BY reporter, freq, flow ORDER BY period)
)
SELECT m.reporter, m.freq, m.period, m.flow, m.year, c.focus,
    m.n_rows IS NOT NULL AS reporter_present,
    m.n_flow_rows AS n_rows, m.n_codes, m.n_partners, m.hs_edition, coalesce(m.n_editions, 0) AS n_editions,
    m.datasets, m.source_stamp,
    m.codes_share, m.unspecified_share, m.no_code_share, m.weighed_share, m.converted_share, m.unconverted_share,
    CASE WHEN c.focus THEN m.change END AS change,
    concat_ws(
        ';',
        CASE WHEN m.n_rows IS NULL THEN 'not_filed' WHEN m.n_flow_rows = 0 THEN 'no_rows' END,
        CASE WHEN abs(m.codes_share - 1) > p.tolerance THEN 'total_differs' END,
        CASE WHEN m.unspecified_share > p.unspecified_max THEN 'unspecified_partners' END,
        CASE WHEN m.n_editions > 1 THEN 'several_editions' END,
        CASE WHEN c.focus AND abs(m.change) > p.jump_max THEN 'jump' END
    ) AS flag
FROM moved m CROSS JOIN p JOIN dim_country c ON c.iso3 = m.reporter
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per reporter, frequency, period and flow (exports, imports)."""
    for freq in ("A", "M"):
        use_one_edition(con, freq)
    return con.sql(_QUERY)
