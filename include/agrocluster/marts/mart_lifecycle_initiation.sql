-- Which chain first? The chains of each focus country in the order of their potential, with how sure that order is,
-- what they share with other chains of the country, and the market to begin with.
WITH cell AS (
    SELECT * FROM mart_cluster_baseline WHERE focus
),
link AS (  -- seen from both ends: a link helps whoever stands at either of them
    SELECT chain_a AS chain, chain_b AS other, link_type, weight FROM dim_chain_link
    UNION ALL
    SELECT chain_b, chain_a, link_type, weight FROM dim_chain_link
),
linked AS (
    SELECT c.baseline_id, c.iso3, c.chain,
        string_agg(DISTINCT l.other || ':' || l.link_type, ' ' ORDER BY l.other || ':' || l.link_type) AS linked_chains,
        count(DISTINCT l.other) AS n_linked,
        coalesce(
            string_agg(DISTINCT l.other, ' ' ORDER BY l.other) FILTER (o.quadrant IN ('build', 'defend')), ''
        ) AS linked_strong,
        count(DISTINCT l.other) FILTER (o.quadrant IN ('build', 'defend')) AS n_linked_strong,
        sum(l.weight * o.position ORDER BY l.other, l.link_type, l.weight)
            / sum(l.weight ORDER BY l.other, l.link_type, l.weight) FILTER (o.position IS NOT NULL) AS linked_position
    FROM cell c JOIN link l USING (chain)
    LEFT JOIN cell o ON o.baseline_id = c.baseline_id AND o.iso3 = c.iso3 AND o.chain = l.other
    GROUP BY ALL
),
gap AS (
    SELECT e.baseline_id, e.iso3, e.chain, e.market, d.name_en, d.name_ru, e.untapped_usd, e.ease, m.regimes,
        coalesce(e.actual_usd, 0) > 0 AS sold
    FROM mart_export_potential_chain e
    JOIN dim_country d ON d.iso3 = e.market
    LEFT JOIN mart_market_ease m ON m.baseline_id = e.baseline_id AND m.iso3 = e.iso3 AND m.market = e.market
    WHERE e.untapped_usd > 0
),
first_market AS (
    FROM gap QUALIFY row_number() OVER (PARTITION BY baseline_id, iso3, chain ORDER BY untapped_usd DESC, market) = 1
),
entry_market AS (
    FROM gap WHERE NOT sold
    QUALIFY row_number() OVER (PARTITION BY baseline_id, iso3, chain ORDER BY untapped_usd DESC, market) = 1
)
SELECT
    c.baseline_id, c.iso3, c.chain, c.country_en, c.country_ru, c.chain_en, c.chain_ru,
    c.rank_country, c.rank_p05, c.rank_p95, c.p_top3, c.tied_with,
    c.potential, c.potential_p05, c.potential_p95, c.position, c.headroom,
    c.quadrant, c.typology, c.grade, c.confidence, c.caveats,
    l.linked_chains, coalesce(l.n_linked, 0) AS n_linked, l.linked_strong, coalesce(l.n_linked_strong, 0) AS n_linked_strong,
    l.linked_position,
    f.market AS first_market, f.name_en AS first_market_en, f.name_ru AS first_market_ru,
    f.untapped_usd AS first_market_untapped_usd, f.ease AS first_market_ease, f.regimes AS first_market_regimes,
    f.sold AS first_market_sold,
    e.market AS entry_market, e.name_en AS entry_market_en, e.name_ru AS entry_market_ru,
    e.untapped_usd AS entry_market_untapped_usd,
    CASE
        WHEN c.rank_country IS NOT NULL THEN ''
        WHEN c.potential IS NULL THEN 'no_score'
        ELSE 'grade_d'
    END AS reason
FROM cell c
LEFT JOIN linked l USING (baseline_id, iso3, chain)
LEFT JOIN first_market f USING (baseline_id, iso3, chain)
LEFT JOIN entry_market e USING (baseline_id, iso3, chain)
