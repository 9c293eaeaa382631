-- The baseline as people read it: scores, intervals, confidence, bottleneck, typology and the facts beside them.
WITH row AS (
    SELECT s.*, b.first_year, b.last_year, b.index_version,
        t.coverage, t.coverage_position, t.coverage_headroom, t.c_cov, t.c_src, t.c_mir, t.c_time, t.confidence,
        t.grade, t.weakest_part, t.enabling, t.enabling_measured,
        x.mirror_agreement_w3 AS mirror_agreement,
        x.reexport_flag,
        x.exports_dom_usd_w3 / nullif(x.exports_usd_w3, 0) AS domestic_share,
        x.exports_usd_w3 / x.n_years_w3 AS exports_usd,
        x.largest_market_w3 AS largest_market,
        x.share_largest_w3 AS share_largest,
        e.untapped_usd,
        e.realised_share,
        m.ssr_w3 AS ssr,
        n.bottleneck, n.margin AS bottleneck_margin, n.b_input, n.b_primary, n.b_processed, n.b_final, n.b_market,
        j.jobs_low, j.jobs_high,
        u.* EXCLUDE (baseline_id, iso3, chain),
        k.position AS position_base_prices, k.headroom AS headroom_base_prices, k.potential AS potential_base_prices
    FROM mart_baseline_scores s
    JOIN dim_baseline b USING (baseline_id)
    JOIN mart_baseline_context t USING (baseline_id, iso3, chain)
    LEFT JOIN mart_baseline_uncertainty u USING (baseline_id, iso3, chain)
    LEFT JOIN mart_baseline_constant_prices k USING (baseline_id, iso3, chain)
    LEFT JOIN mart_chain_bottleneck n USING (baseline_id, iso3, chain)
    LEFT JOIN mart_chain_jobs j USING (baseline_id, iso3, chain)
    LEFT JOIN mart_export_potential_chain e
        ON e.baseline_id = s.baseline_id AND e.iso3 = s.iso3 AND e.chain = s.chain AND e.market = 'WLD'
    LEFT JOIN mart_chain_trade x ON x.iso3 = s.iso3 AND x.chain = s.chain AND x.stage = 'total' AND x.year = b.last_year
    LEFT JOIN mart_chain_production m ON m.iso3 = s.iso3 AND m.chain = s.chain AND m.year = b.last_year
),
panel AS (
    SELECT 'P' || count(*) || '-' || left(md5(string_agg(iso3, ',' ORDER BY iso3)), 8) AS panel_id
    FROM dim_country WHERE panel
),
goalposts AS (SELECT any_value(goalpost_id) AS goalpost_id FROM mart_goalposts)
SELECT
    r.baseline_id, r.first_year, r.last_year, r.iso3, r.chain, r.focus, r.panel,
    c.name_en AS country_en, c.name_ru AS country_ru, d.chain_en, d.chain_ru,
    r.p1, r.p2, r.p3, r.p4, r.h1, r.h2, r.h3, r.h4,
    r.position, r.headroom, r.position_common, r.headroom_common, r.potential, r.enabling, r.potential_adj,
    r.quadrant,
    CASE r.quadrant WHEN 'build' THEN 'Build' WHEN 'defend' THEN 'Defend and upgrade' WHEN 'prepare' THEN 'Prepare'
        WHEN 'leave' THEN 'Leave' END AS quadrant_en,
    CASE r.quadrant WHEN 'build' THEN 'Строить' WHEN 'defend' THEN 'Защищать и повышать передел'
        WHEN 'prepare' THEN 'Готовить' WHEN 'leave' THEN 'Оставить' END AS quadrant_ru,
    -- What passes through is not grown here; what is bought though it could be made has its market at home.
    CASE WHEN r.quadrant IS NULL THEN NULL
        WHEN r.domestic_share < parameter('trader_domestic_max') THEN 'trader'
        WHEN r.ssr < parameter('substitution_ssr_max') AND r.quadrant IN ('build', 'prepare') THEN 'import_substitution'
        ELSE r.quadrant END AS typology,
    r.p4 IS NULL AND coalesce(r.position_common >= r.median_position, false) AS territory_unknown,
    r.rank_country, r.rank_chain,
    -- Ends of intervals hold the published score, as those of ranks do; plain quantiles are in mart_baseline_uncertainty.
    CASE WHEN r.position IS NOT NULL THEN least(r.position_p05, r.position) END AS position_p05,
    CASE WHEN r.position IS NOT NULL THEN r.position_p50 END AS position_p50,
    CASE WHEN r.position IS NOT NULL THEN greatest(r.position_p95, r.position) END AS position_p95,
    CASE WHEN r.position IS NOT NULL THEN r.position_se END AS position_se,
    CASE WHEN r.headroom IS NOT NULL THEN least(r.headroom_p05, r.headroom) END AS headroom_p05,
    CASE WHEN r.headroom IS NOT NULL THEN r.headroom_p50 END AS headroom_p50,
    CASE WHEN r.headroom IS NOT NULL THEN greatest(r.headroom_p95, r.headroom) END AS headroom_p95,
    CASE WHEN r.headroom IS NOT NULL THEN r.headroom_se END AS headroom_se,
    CASE WHEN r.potential IS NOT NULL THEN least(r.potential_p05, r.potential) END AS potential_p05,
    CASE WHEN r.potential IS NOT NULL THEN r.potential_p50 END AS potential_p50,
    CASE WHEN r.potential IS NOT NULL THEN greatest(r.potential_p95, r.potential) END AS potential_p95,
    CASE WHEN r.potential IS NOT NULL THEN r.potential_se END AS potential_se,
    r.rank_p05, r.rank_p95, r.rank_chain_p05, r.rank_chain_p95, r.p_top3,
    -- Draws that fill in what is missing may score a cell that is not scored: that is no score.
    CASE WHEN r.potential IS NOT NULL THEN r.p_build END AS p_build,
    CASE WHEN r.potential IS NOT NULL THEN r.p_defend END AS p_defend,
    CASE WHEN r.potential IS NOT NULL THEN r.p_prepare END AS p_prepare,
    CASE WHEN r.potential IS NOT NULL THEN r.p_leave END AS p_leave,
    r.tied_with,
    CASE WHEN r.potential IS NOT NULL THEN r.n_draws END AS n_draws,
    r.bottleneck, r.bottleneck_margin, r.b_input, r.b_primary, r.b_processed, r.b_final, r.b_market,
    r.exports_usd, r.untapped_usd, r.realised_share, r.largest_market, r.share_largest, r.ssr, r.jobs_low, r.jobs_high,
    r.position_base_prices, r.headroom_base_prices, r.potential_base_prices,
    r.coverage, r.coverage_position, r.coverage_headroom,
    r.c_cov, r.c_src, r.c_mir, r.c_time, r.confidence, r.grade, r.weakest_part,
    r.mirror_agreement, r.reexport_flag,
    EXISTS (
        FROM cat_caveat v WHERE v.iso3 = r.iso3 AND v.chain = r.chain AND v.flag = 'policy_klaster_flag'
    ) AS policy_klaster_flag,
    (SELECT string_agg(v.flag, ';' ORDER BY v.flag) FROM cat_caveat v WHERE v.iso3 = r.iso3 AND v.chain = r.chain)
        AS caveats,
    concat_ws(
        ';',
        CASE WHEN r.last_year IS NULL THEN 'no_baseline_window' END,
        CASE WHEN r.position IS NULL THEN 'position:too_few_pillars' END,
        CASE WHEN r.headroom IS NULL THEN 'headroom:too_few_pillars' END,
        CASE WHEN r.enabling IS NULL
            THEN CASE WHEN r.enabling_measured THEN 'enabling:no_goalposts' ELSE 'enabling:no_source' END END,
        r.missing_pillars,
        CASE WHEN r.p4 IS NULL AND r.position_common >= r.median_position THEN 'territory_unknown' END,
        CASE WHEN r.focus AND r.c_mir IS NULL THEN 'mirror_agreement:no_sides' END
    ) AS reasons,
    r.index_version, goalposts.goalpost_id, panel.panel_id
FROM row r
JOIN dim_country c USING (iso3)
JOIN dim_chain d USING (chain)
CROSS JOIN panel CROSS JOIN goalposts
