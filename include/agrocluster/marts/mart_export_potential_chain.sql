-- Export potential by chain: per market and over all markets. Gaps are truncated per good and market before they are
-- summed (method 4.3).
WITH p AS (
    SELECT
        parameter('epi_window_years')::INTEGER AS span,
        parameter('epi_top_markets')::INTEGER AS top,
        parameter('known_share_min') AS known_min
),
cell AS (
    SELECT m.* FROM mart_export_potential m JOIN cat_stage USING (stage) WHERE in_total
),
summed AS (
    SELECT baseline_id, iso3, chain,
        CASE WHEN grouping(market) = 1 THEN 'WLD' ELSE market END AS market,
        sum(epi_usd) AS epi,
        sum(epi_ext_usd) AS epi_ext,
        CASE WHEN sum(epi_usd) > 0
            THEN coalesce(sum(epi_usd) FILTER (epi_ext_usd IS NOT NULL), 0) / sum(epi_usd) END AS ext_coverage,
        sum(epi_peer_usd) AS epi_peer,
        sum(actual_usd) AS actual,
        sum(untapped_usd) AS untapped,
        sum(least(actual_usd, epi_usd)) AS realised,
        coalesce(sum(untapped_usd) FILTER (entry_or_deepen = 'entry'), 0) AS entry,
        sum(supply_share * demand_usd) FILTER (ease > 0) AS expected,
        count(DISTINCT hs_code) AS n_products,
        count(DISTINCT market) FILTER (ease > 0) AS n_markets,
        count(DISTINCT market) FILTER (actual_usd > 0) AS n_sold,
        count(DISTINCT market) FILTER (ease = 0) AS n_peer,
        CASE WHEN grouping(market) = 0 THEN any_value(tariff_basis) END AS tariff_basis
    FROM cell
    GROUP BY GROUPING SETS ((baseline_id, iso3, chain, market), (baseline_id, iso3, chain))
),
ranked AS (
    SELECT baseline_id, iso3, chain, market,
        row_number() OVER (PARTITION BY baseline_id, iso3, chain ORDER BY untapped DESC, market) AS place
    FROM summed WHERE market <> 'WLD' AND untapped > 0
),
best AS (
    SELECT baseline_id, iso3, chain, string_agg(market, ' ' ORDER BY place) AS top_markets
    FROM ranked, p WHERE place <= p.top GROUP BY ALL
),
exported AS (
    SELECT b.baseline_id, t.iso3, t.chain, avg(t.exports_usd) AS usd
    FROM dim_baseline b JOIN p ON true
    JOIN mart_chain_trade t ON t.year BETWEEN b.last_year - p.span + 1 AND b.last_year AND t.stage = 'total'
    GROUP BY ALL
),
wanted AS (
    SELECT baseline_id, iso3, chain, market FROM summed
    UNION
    SELECT baseline_id, iso3, chain, 'WLD' FROM dim_baseline CROSS JOIN dim_country CROSS JOIN dim_chain WHERE focus
)
SELECT
    w.baseline_id, w.iso3, w.chain, w.market,
    s.epi AS epi_usd,
    CASE WHEN s.ext_coverage >= p.known_min THEN s.epi_ext END AS epi_ext_usd,
    s.ext_coverage,
    s.epi_peer AS epi_peer_usd,
    s.actual AS actual_usd,
    s.untapped AS untapped_usd,
    CASE WHEN s.epi > 0 THEN s.realised / s.epi END AS realised_share,
    CASE WHEN s.untapped > 0 THEN s.entry / s.untapped END AS friction_share_entry,
    CASE WHEN s.expected > 0 THEN s.epi / s.expected END AS ease,
    coalesce(s.n_products, 0) AS n_products,
    s.n_markets,
    s.n_sold AS n_markets_sold,
    s.n_peer AS n_markets_peer,
    CASE WHEN w.market = 'WLD' THEN best.top_markets END AS top_markets,
    CASE WHEN w.market = 'WLD' AND exported.usd > 0 THEN coalesce(s.actual, 0) / exported.usd END AS evaluated_share,
    s.tariff_basis,
    concat_ws(
        ';',
        CASE WHEN s.n_products IS NULL THEN 'no_product' END,
        CASE WHEN s.ext_coverage < 1 THEN 'no_growth' END
    ) AS flag
FROM wanted w CROSS JOIN p
LEFT JOIN summed s USING (baseline_id, iso3, chain, market)
LEFT JOIN best USING (baseline_id, iso3, chain)
LEFT JOIN exported USING (baseline_id, iso3, chain)
