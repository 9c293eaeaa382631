-- Exports of the focus countries by chain and stage as each side reports them, and what a country itself made of them.
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter_text('flow_variant') AS flow_variant,
        parameter('agri_base_last_chapter') AS last_chapter,
        parameter('known_share_min') AS known_min,
        parameter('thin_market_world_usd') AS thin_world,
        parameter('thin_market_country_usd') AS thin_country
),
product AS (
    SELECT hs_code, agri_base, CASE WHEN role IN ('own', 'dual') THEN chain END AS chain, stage
    FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition
),
-- Every code under all goods and, if it is in a chain, under its stage and the chain without inputs.
place AS (
    SELECT 'TOTAL' AS chain, 'total' AS stage, NULL AS own_stage
    UNION ALL
    SELECT NULL, s.stage, own.stage
    FROM cat_stage own JOIN cat_stage s ON s.stage = own.stage OR (s.stage = 'total' AND own.in_total)
),
cell AS (
    SELECT c.exporter AS iso3, c.year, coalesce(place.chain, product.chain) AS chain, place.stage,
        c.x_reported_usd AS x, c.m_mirror_fob_usd AS m, c.v_reconciled_usd AS v,
        c.x_reexport_usd AS rx, c.x_conservative_usd AS own, c.transit_suspect,
        coalesce(product.agri_base, try_cast(left(c.hs_code, 2) AS INTEGER) <= p.last_chapter, false) AS agri_base
    FROM mart_trade_cell c
    JOIN dim_country d ON d.iso3 = c.exporter AND d.focus
    CROSS JOIN p
    LEFT JOIN product USING (hs_code)
    JOIN place ON place.chain = 'TOTAL' OR (product.chain IS NOT NULL AND place.own_stage = product.stage)
),
summed AS (
    SELECT iso3, chain, stage, year, sum(x) AS x, sum(m) AS m, sum(v) AS v,
        -- Known part by value; where both sides see nothing, by cells.
        coalesce(coalesce(sum(v) FILTER (x IS NOT NULL), 0) / nullif(sum(v), 0), count(x) / count(*)) AS known_x,
        coalesce(coalesce(sum(v) FILTER (m IS NOT NULL), 0) / nullif(sum(v), 0), count(m) / count(*)) AS known_m,
        sum(rx) AS rx, sum(own) AS own, coalesce(sum(x) FILTER (transit_suspect), 0) AS transit,
        sum(own) FILTER (agri_base) / nullif(sum(x) FILTER (agri_base), 0) AS own_agri,
        sum(x + m) AS both_usd, sum(abs(x - m)) AS apart_usd,
        sum(x) FILTER (m IS NOT NULL) AS x_both, sum(m) FILTER (x IS NOT NULL) AS m_both
    FROM cell GROUP BY ALL
),
world AS (
    SELECT f.year, coalesce(place.chain, product.chain) AS chain, place.stage, sum(f.value_usd) AS w
    FROM fact_trade f
    JOIN p ON f.hs_edition = p.hs_edition AND f.flow_variant = p.flow_variant
    JOIN product USING (hs_code)
    JOIN place ON place.chain = 'TOTAL' OR (product.chain IS NOT NULL AND place.own_stage = product.stage)
    WHERE f.importer = 'WLD' GROUP BY ALL
),
known AS (
    SELECT summed.*,
        CASE WHEN known_x >= p.known_min THEN x END AS x_known,
        CASE WHEN known_m >= p.known_min THEN m END AS m_known
    FROM summed, p
)
SELECT k.iso3, k.chain, k.stage, k.year,
    k.x_known AS x_reported_usd,
    k.m_known AS m_mirror_fob_usd,
    k.v AS v_reconciled_usd,
    k.known_x AS coverage_reported,
    k.known_m AS coverage_mirror,
    CASE WHEN k.both_usd > 0 THEN 1 - k.apart_usd / k.both_usd END AS mirror_agreement,
    k.both_usd, k.apart_usd,
    CASE WHEN k.x_both > 0 AND k.m_both > 0 THEN ln(k.m_both / k.x_both) END AS lgap,
    k.rx AS x_reexport_usd,
    CASE WHEN k.x_known IS NOT NULL THEN k.transit END AS transit_usd,
    CASE WHEN k.x_known IS NOT NULL THEN k.own END AS x_conservative_usd,
    CASE WHEN k.x_known > 0 THEN k.own / k.x END AS domestic_share,
    CASE WHEN k.x_known > 0 THEN k.own_agri END AS domestic_share_agri,
    CASE WHEN w.w >= p.thin_world AND (k.x_known = 0 OR k.x_known >= p.thin_country)
        THEN (k.x_known / nullif(t.x_known, 0)) / (w.w / ww.w) END AS rca_reported,
    CASE WHEN w.w >= p.thin_world AND (k.m_known = 0 OR k.m_known >= p.thin_country)
        THEN (k.m_known / nullif(t.m_known, 0)) / (w.w / ww.w) END AS rca_mirror,
    CASE WHEN w.w >= p.thin_world AND (k.v = 0 OR k.v >= p.thin_country)
        THEN (k.v / nullif(t.v, 0)) / (w.w / ww.w) END AS rca_reconciled,
    concat_ws(
        ';',
        CASE WHEN k.x_known IS NULL THEN 'reported_unknown' END,
        CASE WHEN k.m_known IS NULL THEN 'mirror_unknown' END
    ) AS flag
FROM known k
CROSS JOIN p
LEFT JOIN known t ON t.chain = 'TOTAL' AND t.iso3 = k.iso3 AND t.year = k.year
LEFT JOIN world w ON w.chain = k.chain AND w.stage = k.stage AND w.year = k.year
LEFT JOIN world ww ON ww.chain = 'TOTAL' AND ww.year = k.year
