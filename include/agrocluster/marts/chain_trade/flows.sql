-- Who sold and bought what, by code and year. The world is always BACI's; the focus countries' own trade comes from
-- mart_trade_cell where the parameter trade_variant says so.
CREATE TABLE chain_trade.p AS
SELECT
    parameter_text('hs_edition') AS hs_edition,
    parameter_text('flow_variant') AS flow_variant,
    parameter_text('trade_variant') AS trade_variant,
    parameter('agri_base_last_chapter') AS last_chapter,
    parameter('window_years')::INTEGER AS span,
    parameter('window_min_years') AS min_years,
    parameter('thin_market_world_usd') AS thin_world,
    parameter('thin_market_country_usd') AS thin_country,
    parameter('min_dpr_usd') AS min_dpr,
    parameter('known_share_min') AS known_min,
    parameter('world_completeness_min') AS complete_min,
    parameter('completeness_ref_years')::INTEGER AS ref_years,
    parameter_text('deflator_indicator') AS deflator,
    parameter_text('deflator_country') AS deflator_of,
    parameter('uv_ref_min_kg') AS uv_min_kg,
    parameter('ruv_band') AS ruv_band,
    parameter('ruv_mad') AS ruv_mad,
    parameter('cms_own_share_min') AS own_share_min,
    CASE parameter_text('cms_order') WHEN 'product_first' THEN 1.0 WHEN 'market_first' THEN 0.0 WHEN 'mean' THEN 0.5 END
        AS product_first,
    parameter('tci_top_partners')::INTEGER AS top_partners,
    parameter_text('reference_market') AS reference_market,
    parameter('rca_threshold') AS rca_threshold,
    parameter('sigma_trade') AS sigma_trade,
    string_split(parameter_text('eaeu_members'), ',') AS eaeu,
    string_split(parameter_text('central_asia_members'), ',') AS central_asia;

-- Names as numbers: the same short list of texts is joined and grouped by in millions of rows.
CREATE TYPE chain_trade.code AS ENUM (
    SELECT DISTINCT hs_code FROM dim_product, chain_trade.p WHERE dim_product.hs_edition = p.hs_edition ORDER BY hs_code
);
CREATE TYPE chain_trade.chain AS ENUM (SELECT chain FROM dim_chain ORDER BY chain);
CREATE TYPE chain_trade.stage AS ENUM (SELECT stage FROM cat_stage ORDER BY stage);

CREATE TABLE chain_trade.product AS
SELECT hs_code::chain_trade.code AS hs_code, agri_base,
    chain::chain_trade.chain AS chain, stage::chain_trade.stage AS stage,
    coalesce(role IN ('own', 'dual'), false) AS counted
FROM dim_product, chain_trade.p WHERE dim_product.hs_edition = p.hs_edition;

-- Every code of a chain once under its stage and, inputs aside, once under 'total'.
CREATE TABLE chain_trade.placed AS
SELECT product.hs_code, product.chain, s.stage::chain_trade.stage AS stage, product.agri_base
FROM chain_trade.product
JOIN cat_stage own ON own.stage = product.stage
JOIN cat_stage s ON s.stage = own.stage OR (s.stage = 'total' AND own.in_total)
WHERE product.counted;

CREATE VIEW chain_trade.flow AS
SELECT f.exporter, f.importer, f.year, product.hs_code, f.value_usd, f.net_kg, f.flag,
    product.agri_base, product.counted
FROM fact_trade f
JOIN chain_trade.p ON f.hs_edition = p.hs_edition AND f.flow_variant = p.flow_variant
JOIN chain_trade.product ON product.hs_code::VARCHAR = f.hs_code
WHERE f.value_usd IS NOT NULL;

CREATE TABLE chain_trade.focus AS SELECT iso3 FROM dim_country WHERE focus;

CREATE TABLE chain_trade.baci AS  -- countries whose trade is BACI's
SELECT iso3 FROM dim_country, chain_trade.p WHERE p.trade_variant = 'baci' OR NOT focus;

-- The focus countries' trade with every partner. Of customs reports by the variant: what a country reports itself is
-- its partners' mirror.
CREATE TABLE chain_trade.own AS
WITH cell AS (
    SELECT c.* EXCLUDE (hs_code), product.hs_code, p.trade_variant, coalesce(product.counted, false) AS counted,
        coalesce(product.agri_base, try_cast(left(c.hs_code, 2) AS INTEGER) <= p.last_chapter, false) AS agri_base
    FROM mart_trade_cell c
    JOIN chain_trade.p ON p.trade_variant <> 'baci'
    LEFT JOIN chain_trade.product ON product.hs_code::VARCHAR = c.hs_code
)
SELECT exporter AS iso3, importer AS partner, 'X' AS direction, year, hs_code, agri_base, counted,
    CASE trade_variant WHEN 'reported' THEN x_reported_usd WHEN 'mirror' THEN m_mirror_fob_usd
        ELSE v_reconciled_usd END AS usd,
    CASE trade_variant WHEN 'reported' THEN x_net_kg WHEN 'mirror' THEN m_net_kg ELSE net_kg END AS kg,
    CASE trade_variant WHEN 'reported' THEN x_net_kg_estimated_share WHEN 'mirror' THEN m_net_kg_estimated_share
        ELSE net_kg_estimated_share END > 0 AS kg_estimated,
    CASE trade_variant WHEN 'reported' THEN sigma_x WHEN 'mirror' THEN sigma_m ELSE sigma_lnv END AS sigma
FROM cell WHERE exporter IN (FROM chain_trade.focus)
UNION ALL
SELECT importer, exporter, 'M', year, hs_code, agri_base, counted,
    CASE trade_variant WHEN 'reported' THEN m_mirror_fob_usd WHEN 'mirror' THEN x_reported_usd
        ELSE v_reconciled_usd END,
    NULL, NULL, NULL
FROM cell WHERE importer IN (FROM chain_trade.focus)
UNION ALL
SELECT f.exporter, f.importer, 'X', f.year, f.hs_code, f.agri_base, f.counted, f.value_usd, f.net_kg, NULL, c.sigma_lnv
FROM chain_trade.flow f
LEFT JOIN mart_trade_cell c  -- what both sides report says how sure BACI's value can be
    ON (c.year, c.exporter, c.importer, c.hs_code) = (f.year, f.exporter, f.importer, f.hs_code::VARCHAR)
WHERE f.exporter IN (FROM chain_trade.focus) AND f.exporter IN (FROM chain_trade.baci) AND f.importer <> 'WLD'
UNION ALL
SELECT importer, exporter, 'M', year, hs_code, agri_base, counted, value_usd, NULL, NULL, NULL
FROM chain_trade.flow
WHERE importer IN (FROM chain_trade.focus) AND importer IN (FROM chain_trade.baci) AND exporter <> 'WLD';

CREATE TABLE chain_trade.baci_total AS
SELECT exporter AS iso3, year, sum(value_usd) AS x_all, coalesce(sum(value_usd) FILTER (agri_base), 0) AS x_agri
FROM chain_trade.flow WHERE importer = 'WLD' GROUP BY ALL HAVING sum(value_usd) > 0;

CREATE TABLE chain_trade.baci_bought_total AS
SELECT importer AS iso3, year, sum(value_usd) AS m_all FROM chain_trade.flow WHERE exporter = 'WLD' GROUP BY ALL;

CREATE TABLE chain_trade.baci_sold AS
SELECT exporter AS iso3, year, hs_code, agri_base, value_usd AS x, net_kg AS kg,
    CASE WHEN net_kg IS NOT NULL THEN value_usd END AS x_with_kg,
    CASE WHEN net_kg > 0 AND flag = '' THEN value_usd END AS x_weighed,
    CASE WHEN net_kg > 0 AND flag = '' THEN net_kg END AS kg_weighed,
    NULL::DOUBLE AS x_estimated  -- BACI does not tell which weights its reporters estimated
FROM chain_trade.flow WHERE importer = 'WLD' AND counted;

CREATE TABLE chain_trade.baci_bought AS
SELECT importer AS iso3, year, hs_code, value_usd AS m FROM chain_trade.flow WHERE exporter = 'WLD' AND counted;

CREATE TABLE chain_trade.sold AS
SELECT * FROM chain_trade.baci_sold WHERE iso3 IN (FROM chain_trade.baci)
UNION ALL
SELECT iso3, year, hs_code, any_value(agri_base), sum(usd), sum(kg), sum(usd) FILTER (kg IS NOT NULL),
    sum(usd) FILTER (kg > 0), sum(kg) FILTER (kg > 0), coalesce(sum(usd) FILTER (kg IS NULL AND kg_estimated), 0)
FROM chain_trade.own
WHERE direction = 'X' AND counted AND usd IS NOT NULL AND iso3 NOT IN (FROM chain_trade.baci)
GROUP BY iso3, year, hs_code;

CREATE TABLE chain_trade.bought AS
SELECT * FROM chain_trade.baci_bought WHERE iso3 IN (FROM chain_trade.baci)
UNION ALL
SELECT iso3, year, hs_code, sum(usd) FROM chain_trade.own
WHERE direction = 'M' AND counted AND usd IS NOT NULL AND iso3 NOT IN (FROM chain_trade.baci)
GROUP BY iso3, year, hs_code;

-- A country is present with its exports, and with its imports, in the years in which any are known.
CREATE TABLE chain_trade.country_total AS
WITH sold AS (
    SELECT * FROM chain_trade.baci_total WHERE iso3 IN (FROM chain_trade.baci)
    UNION ALL
    SELECT iso3, year, sum(usd), coalesce(sum(usd) FILTER (agri_base), 0)
    FROM chain_trade.own WHERE direction = 'X' AND iso3 NOT IN (FROM chain_trade.baci)
    GROUP BY iso3, year HAVING sum(usd) > 0
),
bought AS (
    SELECT * FROM chain_trade.baci_bought_total WHERE iso3 IN (FROM chain_trade.baci)
    UNION ALL
    SELECT iso3, year, sum(usd) FROM chain_trade.own
    WHERE direction = 'M' AND iso3 NOT IN (FROM chain_trade.baci) GROUP BY iso3, year HAVING sum(usd) IS NOT NULL
)
SELECT iso3, year, x_all, x_agri, m_all FROM sold FULL JOIN bought USING (iso3, year);

CREATE TABLE chain_trade.world_total AS
SELECT year, sum(x_all) AS w_all, sum(x_agri) AS w_agri, any_value(imports.wm_all) AS wm_all
FROM chain_trade.baci_total
LEFT JOIN (SELECT year, sum(m_all) AS wm_all FROM chain_trade.baci_bought_total GROUP BY year) imports USING (year)
GROUP BY year;

CREATE TABLE chain_trade.calendar AS
SELECT unnest(generate_series(min(year), max(year)))::SMALLINT AS year FROM chain_trade.world_total;

-- Every year ends two windows: itself and the last span years. of_year are the years a window holds.
CREATE TABLE chain_trade.frame AS
SELECT year, span, of_year FROM (
    SELECT calendar.year, s.span, unnest(range(calendar.year - s.span + 1, calendar.year + 1))::SMALLINT AS of_year
    FROM chain_trade.calendar, (SELECT 1 AS span UNION SELECT span FROM chain_trade.p) s
);
