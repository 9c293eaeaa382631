-- Trade of every exporting economy by chain, stage and year, annual and in windows of several years.
-- Chains and stages are measured on summed values (methodology 0.5); a reporter without a code in a year that it
-- filed exported zero, a reporter that did not file is unknown (0.4). The world is always BACI's; the focus countries'
-- own trade comes from mart_trade_cell where the parameter trade_variant says so.
WITH p AS (
    SELECT
        any_value(value) FILTER (name = 'hs_edition') AS hs_edition,
        any_value(value) FILTER (name = 'flow_variant') AS flow_variant,
        any_value(value) FILTER (name = 'trade_variant') AS trade_variant,
        any_value(value_number) FILTER (name = 'agri_base_last_chapter') AS last_chapter,
        any_value(value_number::INTEGER) FILTER (name = 'window_years') AS span,
        any_value(value_number) FILTER (name = 'window_min_years') AS min_years,
        any_value(value_number) FILTER (name = 'thin_market_world_usd') AS thin_world,
        any_value(value_number) FILTER (name = 'thin_market_country_usd') AS thin_country,
        any_value(value_number) FILTER (name = 'min_dpr_usd') AS min_dpr,
        any_value(value_number) FILTER (name = 'known_share_min') AS known_min,
        any_value(value_number) FILTER (name = 'world_completeness_min') AS complete_min,
        any_value(value_number::INTEGER) FILTER (name = 'completeness_ref_years') AS ref_years,
        any_value(value) FILTER (name = 'deflator_indicator') AS deflator,
        any_value(value) FILTER (name = 'deflator_country') AS deflator_of
    FROM method_parameters
),
product AS (
    SELECT hs_code, agri_base, chain, stage, role IN ('own', 'dual') AS counted
    FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition
),
flow AS (
    SELECT f.exporter, f.importer, f.year, f.value_usd, f.net_kg, f.flag, product.agri_base,
        CASE WHEN product.counted THEN product.chain END AS chain,
        CASE WHEN product.counted THEN product.stage END AS stage
    FROM fact_trade f
    JOIN p ON f.hs_edition = p.hs_edition AND f.flow_variant = p.flow_variant
    JOIN product USING (hs_code)
    WHERE f.value_usd IS NOT NULL
),
baci_total AS (
    SELECT exporter AS iso3, year, sum(value_usd) AS x_all, coalesce(sum(value_usd) FILTER (agri_base), 0) AS x_agri
    FROM flow WHERE importer = 'WLD' GROUP BY ALL HAVING sum(value_usd) > 0
),
world_total AS (
    SELECT year, sum(x_all) AS w_all, sum(x_agri) AS w_agri FROM baci_total GROUP BY year
),
focus AS (SELECT iso3 FROM dim_country WHERE focus),
baci AS (  -- countries whose trade is BACI's
    SELECT iso3 FROM dim_country, p WHERE p.trade_variant = 'baci' OR NOT focus
),
cell AS (
    SELECT c.*, p.trade_variant, product.counted, product.chain AS chain_of, product.stage AS stage_of,
        coalesce(product.agri_base, try_cast(left(c.hs_code, 2) AS INTEGER) <= p.last_chapter, false) AS agri_base
    FROM mart_trade_cell c JOIN p ON p.trade_variant <> 'baci' LEFT JOIN product USING (hs_code)
),
own AS (  -- the focus countries' trade by the variant: what a country reports itself is its partners' mirror
    SELECT exporter AS iso3, importer AS partner, 'X' AS direction, year, agri_base, counted, chain_of, stage_of,
        CASE trade_variant WHEN 'reported' THEN x_reported_usd WHEN 'mirror' THEN m_mirror_fob_usd
            ELSE v_reconciled_usd END AS usd,
        CASE trade_variant WHEN 'reported' THEN x_net_kg WHEN 'mirror' THEN m_net_kg ELSE net_kg END AS kg
    FROM cell WHERE exporter IN (FROM focus)
    UNION ALL
    SELECT importer, exporter, 'M', year, agri_base, counted, chain_of, stage_of,
        CASE trade_variant WHEN 'reported' THEN m_mirror_fob_usd WHEN 'mirror' THEN x_reported_usd
            ELSE v_reconciled_usd END,
        NULL
    FROM cell WHERE importer IN (FROM focus)
),
own_stage AS (
    SELECT o.iso3, o.partner, o.direction, o.year, o.chain_of AS chain, s.stage, o.usd, o.kg, o.agri_base
    FROM own o
    JOIN cat_stage home ON home.stage = o.stage_of
    JOIN cat_stage s ON s.stage = home.stage OR (s.stage = 'total' AND home.in_total)
    WHERE o.counted AND o.usd IS NOT NULL
),
country_total AS (
    SELECT * FROM baci_total WHERE iso3 IN (FROM baci)
    UNION ALL
    SELECT iso3, year, sum(usd), coalesce(sum(usd) FILTER (agri_base), 0)
    FROM own WHERE direction = 'X' GROUP BY iso3, year HAVING sum(usd) > 0
),
usual AS (  -- each exporter's mean exports of the preceding years
    SELECT y.year, c.iso3, avg(c.x_all) AS x_ref
    FROM world_total y JOIN p ON true
    JOIN baci_total c ON c.year BETWEEN y.year - p.ref_years AND y.year - 1
    GROUP BY ALL
),
complete AS (
    SELECT u.year, coalesce(sum(u.x_ref) FILTER (c.iso3 IS NOT NULL), 0) / sum(u.x_ref) AS completeness
    FROM usual u LEFT JOIN baci_total c USING (iso3, year) GROUP BY u.year
),
stage_flow AS (  -- every chain flow once under its stage and, inputs aside, once under 'total'
    SELECT f.exporter, f.importer, f.year, f.chain, s.stage, f.value_usd, f.net_kg, f.flag, f.agri_base
    FROM flow f
    JOIN cat_stage own ON own.stage = f.stage
    JOIN cat_stage s ON s.stage = f.stage OR (s.stage = 'total' AND own.in_total)
),
baci_exported AS (
    SELECT exporter AS iso3, year, chain, stage, sum(value_usd) AS x, sum(net_kg) AS kg,
        coalesce(sum(value_usd) FILTER (agri_base), 0) AS x_base,
        sum(value_usd) FILTER (net_kg IS NOT NULL) AS x_with_kg,
        sum(value_usd) FILTER (net_kg > 0 AND flag = '') AS x_weighed,
        sum(net_kg) FILTER (net_kg > 0 AND flag = '') AS kg_weighed
    FROM stage_flow WHERE importer = 'WLD' GROUP BY ALL
),
world AS (
    SELECT year, chain, stage, sum(x) AS xk, sum(x_base) AS xk_base FROM baci_exported GROUP BY ALL
),
exported AS (
    SELECT * FROM baci_exported WHERE iso3 IN (FROM baci)
    UNION ALL
    SELECT iso3, year, chain, stage, sum(usd), sum(kg), coalesce(sum(usd) FILTER (agri_base), 0),
        sum(usd) FILTER (kg IS NOT NULL), sum(usd) FILTER (kg > 0), sum(kg) FILTER (kg > 0)
    FROM own_stage WHERE direction = 'X' GROUP BY iso3, year, chain, stage
),
imported AS (
    SELECT importer AS iso3, year, chain, stage, sum(value_usd) AS m
    FROM stage_flow WHERE exporter <> 'WLD' AND importer IN (FROM focus) AND importer IN (FROM baci) GROUP BY ALL
    UNION ALL
    SELECT iso3, year, chain, stage, sum(usd) FROM own_stage WHERE direction = 'M' GROUP BY iso3, year, chain, stage
),
import_filed AS (
    SELECT DISTINCT importer AS iso3, year FROM flow WHERE importer IN (FROM focus) AND importer IN (FROM baci)
    UNION
    SELECT iso3, year FROM own WHERE direction = 'M' AND usd IS NOT NULL
),
destination AS (
    SELECT exporter AS iso3, year, chain, stage, importer, sum(value_usd) AS v
    FROM stage_flow WHERE importer <> 'WLD' AND exporter IN (FROM focus) AND exporter IN (FROM baci)
    GROUP BY ALL HAVING sum(value_usd) > 0
    UNION ALL
    SELECT iso3, year, chain, stage, partner, sum(usd) FROM own_stage WHERE direction = 'X'
    GROUP BY iso3, year, chain, stage, partner HAVING sum(usd) > 0
),
markets AS (
    SELECT iso3, year, chain, stage, sum(v * v) / (sum(v) * sum(v)) AS hhi, count(*) AS n
    FROM destination GROUP BY ALL
),
markets_w3 AS (
    SELECT iso3, year, chain, stage, sum(v * v) / (sum(v) * sum(v)) AS hhi, count(*) AS n
    FROM (
        SELECT d.iso3, y.year, d.chain, d.stage, d.importer, sum(d.v) AS v
        FROM world_total y JOIN p ON true
        JOIN destination d ON d.year BETWEEN y.year - p.span + 1 AND y.year
        GROUP BY ALL
    ) GROUP BY ALL
),
potential_markets AS (SELECT count(*) - 1 AS n FROM dim_country),
economy AS (
    SELECT iso3 FROM country_total UNION SELECT iso3 FROM dim_country WHERE focus OR panel
),
chain_stage AS (
    SELECT product.chain, s.stage, bool_or(product.agri_base) AS in_base
    FROM product JOIN cat_stage own ON own.stage = product.stage
    JOIN cat_stage s ON s.stage = product.stage OR (s.stage = 'total' AND own.in_total)
    WHERE product.counted GROUP BY ALL
),
index_base AS (  -- the base that speaks for a chain stage: the farm base only where it holds most of what the world trades
    SELECT world.chain, world.stage,
        CASE WHEN sum(xk_base) >= any_value(p.known_min) * sum(xk) THEN 'agri' ELSE 'all' END AS base
    FROM world, p GROUP BY ALL
),
stages_of AS (
    SELECT chain, count(*) AS n FROM chain_stage JOIN cat_stage USING (stage) WHERE in_total GROUP BY chain
),
calendar AS (SELECT unnest(generate_series(min(year), max(year)))::SMALLINT AS year FROM world_total),
inflation AS (
    SELECT year, any_value(value ORDER BY dataset) AS rate
    FROM fact_indicator, p WHERE indicator = p.deflator AND iso3 = p.deflator_of AND value IS NOT NULL GROUP BY year
),
prices AS (  -- yearly rates chained to a price level; levels of two runs, with a rate missing between, do not compare
    SELECT calendar.year,
        exp(coalesce(sum(ln(1 + inflation.rate / 100)) OVER line, 0)) AS level,
        count(*) FILTER (inflation.rate IS NULL) OVER line AS run
    FROM calendar LEFT JOIN inflation ON inflation.year = calendar.year
    WINDOW line AS (ORDER BY calendar.year)
),
base AS (
    SELECT
        e.iso3, k.chain, k.stage, y.year, k.in_base,
        coalesce(index_base.base, 'all') AS index_base,
        t.x_all IS NOT NULL AS present,
        t.x_all, t.x_agri,
        CASE WHEN present THEN w.w_all END AS w_all,
        CASE WHEN present THEN w.w_agri END AS w_agri,
        CASE WHEN present THEN coalesce(x.x, 0) END AS x,
        CASE WHEN present THEN coalesce(world.xk, 0) END AS xk,
        CASE WHEN present THEN coalesce(x.x_base, 0) END AS x_base,
        CASE WHEN present THEN coalesce(world.xk_base, 0) END AS xk_base,
        CASE WHEN w.year IS NOT NULL THEN coalesce(world.xk, 0) END AS world_exports,
        prices.level, prices.run,
        x.kg, x.x_with_kg, x.x_weighed, x.kg_weighed,
        CASE WHEN f.iso3 IS NOT NULL THEN coalesce(m.m, 0) END AS m,
        complete.completeness
    FROM economy e CROSS JOIN chain_stage k CROSS JOIN calendar y
    JOIN prices ON prices.year = y.year
    LEFT JOIN world_total w ON w.year = y.year
    LEFT JOIN country_total t ON t.iso3 = e.iso3 AND t.year = y.year
    LEFT JOIN exported x ON x.iso3 = e.iso3 AND x.chain = k.chain AND x.stage = k.stage AND x.year = y.year
    LEFT JOIN world ON world.chain = k.chain AND world.stage = k.stage AND world.year = y.year
    LEFT JOIN index_base ON index_base.chain = k.chain AND index_base.stage = k.stage
    LEFT JOIN import_filed f ON f.iso3 = e.iso3 AND f.year = y.year
    LEFT JOIN imported m ON m.iso3 = e.iso3 AND m.chain = k.chain AND m.stage = k.stage AND m.year = y.year
    LEFT JOIN complete ON complete.year = y.year
),
summed AS (
    SELECT base.*, p.span, p.min_years,
        count(x) OVER win AS n_years, sum(x) OVER win AS sx, sum(xk) OVER win AS sxk,
        sum(x_all) OVER win AS sx_all, sum(x_agri) OVER win AS sx_agri,
        sum(x_base) OVER win AS sx_base, sum(xk_base) OVER win AS sxk_base,
        sum(w_all) OVER win AS sw_all, sum(w_agri) OVER win AS sw_agri,
        CASE WHEN count(world_exports) OVER win >= p.min_years THEN {
            'mean': avg(world_exports / level) OVER win,
            'first_run': min(run) FILTER (world_exports IS NOT NULL) OVER win,
            'last_run': max(run) FILTER (world_exports IS NOT NULL) OVER win,
            'middle': avg(year) FILTER (world_exports IS NOT NULL) OVER win
        } END AS demand,
        sum(m) OVER win AS sm, count(m) OVER win AS n_years_m,
        sum(x_weighed) OVER win AS sx_weighed, sum(kg_weighed) OVER win AS skg_weighed,
        sxk < p.thin_world OR (sx > 0 AND sx < p.thin_country) AS thin,
        in_base AND (thin OR sxk_base < p.thin_world OR (sx_base > 0 AND sx_base < p.thin_country)) AS thin_base
    FROM base, p
    WINDOW win AS (PARTITION BY iso3, chain, stage ORDER BY year RANGE BETWEEN span - 1 PRECEDING AND CURRENT ROW)
),
ratio AS (
    SELECT *,
        n_years >= min_years AS enough,
        CASE WHEN NOT thin AND x_all > 0 AND xk > 0 THEN (x / x_all) / (xk / w_all) END AS rca_all,
        -- Both sides of the farm base hold its codes only: garments are no part of farm exports.
        CASE WHEN in_base AND NOT thin_base AND x_agri > 0 AND xk_base > 0
            THEN (x_base / x_agri) / (xk_base / w_agri) END AS rca_agri,
        CASE WHEN enough AND NOT thin AND sxk > 0 THEN (sx / sx_all) / (sxk / sw_all) END AS rca_all_w3,
        CASE WHEN enough AND in_base AND NOT thin_base AND sx_agri > 0 AND sxk_base > 0
            THEN (sx_base / sx_agri) / (sxk_base / sw_agri) END AS rca_agri_w3,
        CASE index_base WHEN 'agri' THEN rca_agri_w3 ELSE rca_all_w3 END AS rca_index_w3
    FROM summed
),
moved AS (
    SELECT *,
        lag(rca_all_w3, span) OVER line AS rca_all_before,
        lag(rca_agri_w3, span) OVER line AS rca_agri_before,
        lag(CASE WHEN enough THEN sx END, span) OVER line AS sx_before,
        lag(demand, span) OVER line AS demand_before,
        sum(sx) FILTER (stage IN ('processed', 'final')) OVER whole AS sx_made,
        sum(sx) FILTER (stage = 'final') OVER whole AS sx_final,
        sum(x) FILTER (stage IN ('processed', 'final')) OVER whole AS x_made,
        sum(x) FILTER (stage = 'final') OVER whole AS x_final,
        count(*) FILTER (stage IN ('primary', 'processed', 'final') AND rca_index_w3 > 1) OVER whole AS n_advantage,
        count(rca_index_w3) FILTER (stage IN ('primary', 'processed', 'final')) OVER whole AS n_rated
    FROM ratio
    WINDOW line AS (PARTITION BY iso3, chain, stage ORDER BY year), whole AS (PARTITION BY iso3, chain, year)
)
SELECT
    v.iso3, v.chain, v.stage, v.year, c.focus, c.panel,
    v.present AS reporter_present,
    v.x AS exports_usd,
    v.m AS imports_usd,
    v.world_exports AS world_exports_usd,
    CASE WHEN v.x > 0 AND v.x_with_kg >= p.known_min * v.x THEN v.kg END AS exports_kg,
    CASE WHEN v.x_weighed >= p.known_min * v.x THEN v.x_weighed / v.kg_weighed END AS uv,
    v.x_all AS exports_all_goods_usd,
    v.x_agri AS exports_agri_usd,
    v.w_all AS world_all_goods_usd,
    v.w_agri AS world_agri_usd,
    v.rca_all,
    v.rca_agri,
    (v.rca_all - 1) / (v.rca_all + 1) AS rsca_all,
    (v.rca_agri - 1) / (v.rca_agri + 1) AS rsca_agri,
    1e6 * (v.x / v.w_all - (v.x_all / v.w_all) * (v.xk / v.w_all)) AS nrca_ppm,
    CASE WHEN v.xk > 0 THEN v.x / v.xk END AS share_world,
    markets.hhi AS hhi_dest,
    CASE WHEN c.focus AND v.present THEN coalesce(markets.n, 0) END AS n_markets,
    CASE WHEN v.stage = 'total' AND v.x >= p.min_dpr THEN coalesce(v.x_made, 0) / v.x END AS dpr,
    CASE WHEN v.stage = 'total' AND v.x >= p.min_dpr
        THEN (coalesce(v.x_made, 0) + coalesce(v.x_final, 0)) / (2 * v.x) END AS ui,
    CASE WHEN v.enough THEN v.sx END AS exports_usd_w3,
    CASE WHEN v.n_years_m >= p.min_years THEN v.sm END AS imports_usd_w3,
    CASE WHEN v.enough AND v.sx_weighed >= p.known_min * v.sx THEN v.sx_weighed / v.skg_weighed END AS uv_w3,
    v.rca_all_w3,
    v.rca_agri_w3,
    (v.rca_all_w3 - 1) / (v.rca_all_w3 + 1) AS rsca_all_w3,
    (v.rca_agri_w3 - 1) / (v.rca_agri_w3 + 1) AS rsca_agri_w3,
    CASE WHEN v.enough
        THEN 1e6 * (v.sx / v.sw_all - (v.sx_all / v.sw_all) * (v.sxk / v.sw_all)) END AS nrca_ppm_w3,
    CASE WHEN v.enough AND v.sxk > 0 THEN v.sx / v.sxk END AS share_world_w3,
    CASE WHEN v.rca_all_w3 > 0 AND v.rca_all_before > 0 THEN ln(v.rca_all_w3 / v.rca_all_before) END AS d_ln_rca,
    CASE WHEN v.rca_agri_w3 > 0 AND v.rca_agri_before > 0
        THEN ln(v.rca_agri_w3 / v.rca_agri_before) END AS d_ln_rca_agri,
    -- Levels over time are compared in constant prices (methodology 0.3), as means of the known years over the time
    -- between their middles, so that a year no file covers takes nothing away.
    CASE WHEN v.demand.mean > 0 AND v.demand_before.mean > 0 AND v.demand_before.first_run = v.demand.last_run
        THEN ln(v.demand.mean / v.demand_before.mean) / (v.demand.middle - v.demand_before.middle) END AS world_growth,
    CASE WHEN v.enough THEN w3.hhi END AS hhi_dest_w3,
    CASE WHEN v.enough THEN (w3.hhi - 1.0 / pm.n) / (1 - 1.0 / pm.n) END AS hhi_dest_norm_w3,
    CASE WHEN c.focus AND v.enough THEN coalesce(w3.n, 0) END AS n_markets_w3,
    CASE WHEN v.stage = 'total' AND v.enough AND v.sx >= p.min_dpr THEN coalesce(v.sx_made, 0) / v.sx END AS dpr_w3,
    CASE WHEN v.stage = 'total' AND v.enough AND v.sx >= p.min_dpr
        THEN (coalesce(v.sx_made, 0) + coalesce(v.sx_final, 0)) / (2 * v.sx) END AS ui_w3,
    -- A stage too thin to rate is unknown: neither with advantage nor without.
    CASE WHEN v.stage = 'total' AND v.n_rated > 0 AND v.n_rated >= p.known_min * stages_of.n
        THEN v.n_advantage / v.n_rated END AS stage_coverage_w3,
    v.n_years AS n_years_w3,
    coalesce(v.thin, false) AS thin_market,
    v.index_base,
    v.completeness AS world_completeness,
    v.completeness < p.complete_min AS world_partial,
    v.n_years / v.span AS coverage,
    concat_ws(
        ';',
        CASE WHEN NOT v.present THEN 'no_source' WHEN v.x = 0 THEN 'zero_reported' END,
        CASE WHEN v.thin THEN 'thin_market' END,
        CASE WHEN NOT v.in_base THEN 'outside_agri_base' WHEN v.thin_base AND NOT v.thin THEN 'thin_agri_base' END,
        CASE WHEN v.completeness < p.complete_min THEN 'world_partial' END,
        CASE WHEN v.enough AND v.sx > 0 AND v.sx_before = 0 THEN 'entry' END,
        CASE WHEN v.enough AND v.sx = 0 AND v.sx_before > 0 THEN 'exit' END,
        CASE WHEN v.demand_before.first_run < v.demand.last_run THEN 'no_deflator' END,
        CASE WHEN NOT c.focus THEN 'bilateral_not_held' END
    ) AS flag
FROM moved v
CROSS JOIN p
CROSS JOIN potential_markets pm
JOIN dim_country c USING (iso3)
JOIN stages_of USING (chain)
LEFT JOIN markets ON markets.iso3 = v.iso3 AND markets.chain = v.chain AND markets.stage = v.stage AND markets.year = v.year
LEFT JOIN markets_w3 w3 ON w3.iso3 = v.iso3 AND w3.chain = v.chain AND w3.stage = v.stage AND w3.year = v.year
