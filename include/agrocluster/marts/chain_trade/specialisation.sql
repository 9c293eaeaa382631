-- Position of every economy in every chain stage, in years and in windows: sums first, ratios after.
CREATE TABLE chain_trade.yearly AS
WITH p AS (FROM chain_trade.p),
usual AS (  -- each exporter's mean exports of the preceding years
    SELECT y.year, c.iso3, avg(c.x_all) AS x_ref
    FROM chain_trade.world_total y JOIN p ON true
    JOIN chain_trade.baci_total c ON c.year BETWEEN y.year - p.ref_years AND y.year - 1
    GROUP BY ALL
),
complete AS (
    SELECT u.year, coalesce(sum(u.x_ref) FILTER (c.iso3 IS NOT NULL), 0) / sum(u.x_ref) AS completeness
    FROM usual u LEFT JOIN chain_trade.baci_total c USING (iso3, year) GROUP BY u.year
),
sold AS (
    SELECT s.iso3, s.year, k.chain, k.stage, sum(s.x) AS usd, sum(s.kg) AS kg,
        coalesce(sum(s.x) FILTER (k.agri_base), 0) AS usd_base,
        sum(s.x_with_kg) AS x_with_kg, sum(s.x_weighed) AS x_weighed, sum(s.kg_weighed) AS kg_weighed,
        sum(s.x_estimated) AS x_estimated
    FROM chain_trade.sold s JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
bought AS (
    SELECT b.iso3, b.year, k.chain, k.stage, sum(b.m) AS usd
    FROM chain_trade.bought b JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
world AS (
    SELECT s.year, k.chain, k.stage, sum(s.x) AS usd, coalesce(sum(s.x) FILTER (k.agri_base), 0) AS usd_base
    FROM chain_trade.baci_sold s JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
world_bought AS (
    SELECT b.year, k.chain, k.stage, sum(b.m) AS usd
    FROM chain_trade.baci_bought b JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
economy AS (
    SELECT iso3 FROM chain_trade.country_total WHERE x_all IS NOT NULL
    UNION
    SELECT iso3 FROM dim_country WHERE focus OR panel
),
chain_stage AS (SELECT chain, stage, bool_or(agri_base) AS in_base FROM chain_trade.placed GROUP BY ALL),
index_base AS (  -- the base that speaks for a chain stage: the farm base only where it holds most of the world's trade
    SELECT chain, stage, CASE WHEN sum(usd_base) >= any_value(p.known_min) * sum(usd) THEN 'agri' ELSE 'all' END AS base
    FROM world, p GROUP BY ALL
),
inflation AS (
    SELECT year, any_value(value ORDER BY dataset) AS rate
    FROM fact_indicator, p WHERE indicator = p.deflator AND iso3 = p.deflator_of AND value IS NOT NULL GROUP BY year
),
prices AS (  -- yearly rates chained to a price level; levels of two runs, with a rate missing between, do not compare
    SELECT calendar.year,
        exp(coalesce(sum(ln(1 + inflation.rate / 100)) OVER line, 0)) AS level,
        count(*) FILTER (inflation.rate IS NULL) OVER line AS run
    FROM chain_trade.calendar LEFT JOIN inflation ON inflation.year = calendar.year
    WINDOW line AS (ORDER BY calendar.year)
)
SELECT
    e.iso3, k.chain, k.stage, y.year, k.in_base,
    coalesce(index_base.base, 'all') AS index_base,
    t.x_all IS NOT NULL AS present,
    present AND t.m_all IS NOT NULL AS both_known,
    t.x_all, t.x_agri,
    CASE WHEN present THEN w.w_all END AS w_all,
    CASE WHEN present THEN w.w_agri END AS w_agri,
    CASE WHEN present THEN coalesce(sold.usd, 0) END AS x,
    CASE WHEN present THEN coalesce(world.usd, 0) END AS xk,
    CASE WHEN present THEN coalesce(sold.usd_base, 0) END AS x_base,
    CASE WHEN present THEN coalesce(world.usd_base, 0) END AS xk_base,
    CASE WHEN w.year IS NOT NULL THEN coalesce(world.usd, 0) END AS world_exports,
    prices.level, prices.run,
    sold.kg, sold.x_with_kg, sold.x_weighed, sold.kg_weighed, sold.x_estimated,
    CASE WHEN t.m_all IS NOT NULL THEN coalesce(bought.usd, 0) END AS m,
    complete.completeness,
    CASE WHEN x = 0 AND d.total_share IS NOT NULL THEN 0 ELSE x * d.share END AS x_dom,
    CASE WHEN x_base = 0 AND d.total_share IS NOT NULL THEN 0 ELSE x_base * d.share_base END AS x_base_dom,
    t.x_all * d.total_share AS x_all_dom,
    t.x_agri * d.agri_share AS x_agri_dom,
    d.both_usd, d.apart_usd, d.reexport_flag,
    CASE WHEN t.m_all IS NOT NULL THEN coalesce(world_bought.usd, 0) END AS mk,
    t.m_all,
    CASE WHEN t.m_all IS NOT NULL THEN w.wm_all END AS wm_all,
    CASE WHEN both_known THEN {
        'x': x, 'm': m, 'x_all': t.x_all, 'm_all': t.m_all, 'xk': xk, 'w_all': w_all, 'mk': mk, 'wm_all': wm_all
    } END AS both
FROM economy e CROSS JOIN chain_stage k CROSS JOIN chain_trade.calendar y
JOIN prices ON prices.year = y.year
LEFT JOIN chain_trade.world_total w ON w.year = y.year
LEFT JOIN chain_trade.country_total t ON t.iso3 = e.iso3 AND t.year = y.year
LEFT JOIN sold ON sold.iso3 = e.iso3 AND sold.chain = k.chain AND sold.stage = k.stage AND sold.year = y.year
LEFT JOIN world ON world.chain = k.chain AND world.stage = k.stage AND world.year = y.year
LEFT JOIN world_bought
    ON world_bought.chain = k.chain AND world_bought.stage = k.stage AND world_bought.year = y.year
LEFT JOIN index_base ON index_base.chain = k.chain AND index_base.stage = k.stage
LEFT JOIN bought ON bought.iso3 = e.iso3 AND bought.chain = k.chain AND bought.stage = k.stage AND bought.year = y.year
LEFT JOIN complete ON complete.year = y.year
LEFT JOIN chain_trade.evidence d ON d.iso3 = e.iso3 AND d.chain = k.chain AND d.stage = k.stage AND d.year = y.year;

CREATE TABLE chain_trade.position AS
WITH p AS (FROM chain_trade.p),
over_window AS (
    SELECT b.iso3, b.chain, b.stage, f.year,
        count(x) AS n_years, sum(x) AS sx, sum(xk) AS sxk, sum(x_all) AS sx_all, sum(x_agri) AS sx_agri,
        sum(x_base) AS sx_base, sum(xk_base) AS sxk_base, sum(w_all) AS sw_all, sum(w_agri) AS sw_agri,
        -- Domestic exports of a window are known only where those of all its years are.
        CASE WHEN count(x_dom) = count(x) THEN sum(x_dom) END AS sx_dom,
        CASE WHEN count(x_base_dom) = count(x) THEN sum(x_base_dom) END AS sx_base_dom,
        CASE WHEN count(x_all_dom) = count(x) THEN sum(x_all_dom) END AS sx_all_dom,
        CASE WHEN count(x_agri_dom) = count(x) THEN sum(x_agri_dom) END AS sx_agri_dom,
        sum(both_usd) AS sboth, sum(apart_usd) AS sapart,
        CASE WHEN count(world_exports) >= any_value(p.min_years) THEN {
            'mean': avg(world_exports / level),
            'first_run': min(run) FILTER (world_exports IS NOT NULL),
            'last_run': max(run) FILTER (world_exports IS NOT NULL),
            'middle': avg(of_year) FILTER (world_exports IS NOT NULL)
        } END AS demand,
        sum(m) AS sm, count(m) AS n_years_m, count(*) FILTER (both_known) AS n_years_both,
        CASE WHEN n_years_both >= any_value(p.min_years) THEN {
            'x': sum(x) FILTER (both_known), 'm': sum(m) FILTER (both_known),
            'x_all': sum(x_all) FILTER (both_known), 'm_all': sum(m_all) FILTER (both_known),
            'xk': sum(xk) FILTER (both_known), 'w_all': sum(w_all) FILTER (both_known),
            'mk': sum(mk) FILTER (both_known), 'wm_all': sum(wm_all) FILTER (both_known)
        } END AS both_w3,
        sum(x_weighed) AS sx_weighed, sum(kg_weighed) AS skg_weighed, sum(x_estimated) AS sx_estimated
    FROM chain_trade.yearly b
    JOIN chain_trade.frame f ON f.of_year = b.year
    JOIN p ON f.span = p.span
    GROUP BY ALL
),
summed AS (
    SELECT y.*, w.* EXCLUDE (iso3, chain, stage, year), p.span, p.min_years,
        sxk < p.thin_world OR (sx > 0 AND sx < p.thin_country) AS thin,
        in_base AND (thin OR sxk_base < p.thin_world OR (sx_base > 0 AND sx_base < p.thin_country)) AS thin_base
    FROM chain_trade.yearly y JOIN over_window w USING (iso3, chain, stage, year) CROSS JOIN p
)
SELECT *,
    n_years >= min_years AS enough,
    CASE WHEN NOT thin AND x_all > 0 AND xk > 0 THEN (x / x_all) / (xk / w_all) END AS rca_all,
    -- Both sides of the farm base hold its codes only: garments are no part of farm exports.
    CASE WHEN in_base AND NOT thin_base AND x_agri > 0 AND xk_base > 0
        THEN (x_base / x_agri) / (xk_base / w_agri) END AS rca_agri,
    CASE WHEN enough AND NOT thin AND sxk > 0 THEN (sx / sx_all) / (sxk / sw_all) END AS rca_all_w3,
    CASE WHEN enough AND in_base AND NOT thin_base AND sx_agri > 0 AND sxk_base > 0
        THEN (sx_base / sx_agri) / (sxk_base / sw_agri) END AS rca_agri_w3,
    -- Domestic exports against the same world: re-exports of others are not known.
    CASE WHEN rca_all IS NOT NULL AND x_all_dom > 0 THEN (x_dom / x_all_dom) / (xk / w_all) END AS rca_all_dom,
    CASE WHEN rca_agri IS NOT NULL AND x_agri_dom > 0
        THEN (x_base_dom / x_agri_dom) / (xk_base / w_agri) END AS rca_agri_dom,
    CASE WHEN rca_all_w3 IS NOT NULL AND sx_all_dom > 0
        THEN (sx_dom / sx_all_dom) / (sxk / sw_all) END AS rca_all_dom_w3,
    CASE WHEN rca_agri_w3 IS NOT NULL AND sx_agri_dom > 0
        THEN (sx_base_dom / sx_agri_dom) / (sxk_base / sw_agri) END AS rca_agri_dom_w3,
    CASE index_base WHEN 'agri' THEN rca_agri_w3 ELSE rca_all_w3 END AS rca_index_w3,
    -- Shares that the dynamic class compares, on the base that speaks for the stage.
    CASE WHEN NOT enough THEN NULL
        WHEN index_base = 'agri' AND in_base AND NOT thin_base
            THEN {'own': sx_base / nullif(sx_agri, 0), 'world': sxk_base / sw_agri}
        WHEN index_base = 'all' AND NOT thin THEN {'own': sx / sx_all, 'world': sxk / sw_all} END AS part
FROM summed;

CREATE TABLE chain_trade.depth AS  -- how far down the chain a country exports, over its stages
SELECT iso3, chain, year,
    coalesce(sum(x) FILTER (stage IN ('processed', 'final')), 0) AS x_made,
    coalesce(sum(x) FILTER (stage = 'final'), 0) AS x_final,
    coalesce(sum(sx) FILTER (stage IN ('processed', 'final')), 0) AS sx_made,
    coalesce(sum(sx) FILTER (stage = 'final'), 0) AS sx_final,
    -- Of a country's own making, where that is known of every stage.
    CASE WHEN count(x_dom) FILTER (in_total) = count(x) FILTER (in_total) THEN {
        'total': sum(x_dom) FILTER (in_total),
        'made': coalesce(sum(x_dom) FILTER (stage IN ('processed', 'final')), 0),
        'final': coalesce(sum(x_dom) FILTER (stage = 'final'), 0)
    } END AS dom,
    CASE WHEN count(sx_dom) FILTER (in_total) = count(sx) FILTER (in_total) THEN {
        'total': sum(sx_dom) FILTER (in_total),
        'made': coalesce(sum(sx_dom) FILTER (stage IN ('processed', 'final')), 0),
        'final': coalesce(sum(sx_dom) FILTER (stage = 'final'), 0)
    } END AS dom_w3,
    count(*) FILTER (in_total) AS n_stages,
    count(*) FILTER (in_total AND rca_index_w3 > p.rca_threshold) AS n_advantage,
    count(rca_index_w3) FILTER (in_total) AS n_rated
FROM chain_trade.position JOIN cat_stage USING (stage) CROSS JOIN chain_trade.p GROUP BY ALL;
