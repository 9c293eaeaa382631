-- Our reconciled flows beside BACI, which reconciles the same reports in its own way, by chain and over all goods.
WITH p AS (
    SELECT parameter_text('hs_edition') AS hs_edition
),
product AS (
    SELECT hs_code, chain FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition AND role IN ('own', 'dual')
),
focus AS (SELECT iso3 FROM dim_country WHERE focus),
flow AS (
    SELECT year, exporter, importer, hs_code, x_reported_usd AS x, m_mirror_fob_usd AS m, v_reconciled_usd AS v,
        NULL::DOUBLE AS baci
    FROM mart_trade_cell
    UNION ALL
    SELECT year, exporter, importer, hs_code, NULL, NULL, NULL, value_usd
    FROM fact_trade, p
    WHERE fact_trade.hs_edition = p.hs_edition AND flow_variant = 'reconciled'
        AND exporter <> 'WLD' AND importer <> 'WLD'
        AND (exporter IN (FROM focus) OR importer IN (FROM focus)) AND year IN (SELECT year FROM mart_trade_cell)
),
good AS (
    SELECT flow.*, 'total' AS level, 'TOTAL' AS code FROM flow
    UNION ALL
    SELECT flow.*, 'chain', product.chain FROM flow JOIN product USING (hs_code)
),
partner AS (  -- every flow, and each focus country's trade with all partners
    SELECT year, exporter, importer, level, code, x, m, v, baci FROM good
    UNION ALL
    SELECT year, exporter, 'WLD', level, code, x, m, v, baci FROM good WHERE exporter IN (FROM focus)
    UNION ALL
    SELECT year, 'WLD', importer, level, code, x, m, v, baci FROM good WHERE importer IN (FROM focus)
)
SELECT exporter, importer, level, code, year,
    sum(x) AS x_reported_usd, sum(m) AS m_mirror_fob_usd, sum(v) AS v_reconciled_usd, sum(baci) AS baci_usd,
    CASE WHEN sum(v) > 0 AND sum(baci) > 0 THEN ln(sum(v) / sum(baci)) END AS ln_ratio,
    CASE WHEN coalesce(sum(v), 0) > 0 AND coalesce(sum(baci), 0) > 0 THEN 'both'
        WHEN coalesce(sum(baci), 0) > 0 THEN 'baci_only' ELSE 'ours_only' END AS held
FROM partner GROUP BY ALL
