-- Both sides of each focus country's trade with each partner, by chain, by chapter and over all goods.
WITH product AS (
    SELECT hs_code, chain FROM dim_product
    WHERE hs_edition = parameter_text('hs_edition') AND role IN ('own', 'dual')
),
cell AS (
    SELECT c.year, c.exporter, c.importer, c.x_reported_usd AS x, c.m_mirror_fob_usd AS m, c.v_reconciled_usd AS v,
        product.chain, left(c.hs_code, 2) AS chapter,
        coalesce(c.x_reported_usd > 0, false) AND coalesce(c.m_mirror_fob_usd > 0, false) AS matched
    FROM mart_trade_cell c LEFT JOIN product USING (hs_code)
),
seen AS (  -- a flow between two focus countries is seen from both
    SELECT exporter AS reporter, importer AS partner, 'X' AS flow, cell.* FROM cell
    JOIN dim_country d ON d.iso3 = exporter WHERE d.focus
    UNION ALL
    SELECT importer, exporter, 'M', cell.* FROM cell JOIN dim_country d ON d.iso3 = importer WHERE d.focus
),
good AS (
    SELECT *, 'total' AS level, 'TOTAL' AS code FROM seen
    UNION ALL SELECT *, 'chapter', chapter FROM seen
    UNION ALL SELECT *, 'chain', chain FROM seen WHERE chain IS NOT NULL
),
summed AS (
    SELECT reporter, coalesce(partner, 'WLD') AS partner, flow, level, code, year,
        sum(x) AS x, sum(m) AS m, sum(v) AS v,
        sum(x) FILTER (m IS NOT NULL) AS x_both, sum(m) FILTER (x IS NOT NULL) AS m_both,
        sum(abs(m - x)) AS apart,
        sum((x + m) / 2) FILTER (matched) AS seen_by_both,
        sum(greatest(coalesce(x, 0), coalesce(m, 0))) FILTER (NOT matched) AS seen_by_one,
        count(*) AS n_cells, count(*) FILTER (matched) AS n_matched
    FROM good
    GROUP BY GROUPING SETS ((reporter, partner, flow, level, code, year), (reporter, flow, level, code, year))
)
SELECT reporter, partner, flow, level, code, year,
    x AS exporter_usd,
    m AS importer_fob_usd,
    v AS v_reconciled_usd,
    CASE WHEN x_both > 0 AND m_both > 0 THEN ln(m_both / x_both) END AS lgap,
    CASE WHEN x_both + m_both > 0 THEN (m_both - x_both) / ((m_both + x_both) / 2) END AS sgap,
    CASE WHEN x_both + m_both > 0 THEN apart / (x_both + m_both) END AS agap,
    1 - CASE WHEN x_both + m_both > 0 THEN apart / (x_both + m_both) END AS mirror_agreement,
    CASE WHEN coalesce(seen_by_one, 0) + coalesce(seen_by_both, 0) > 0
        THEN coalesce(seen_by_one, 0) / (coalesce(seen_by_one, 0) + coalesce(seen_by_both, 0)) END AS orphan_share,
    n_cells, n_matched
FROM summed
