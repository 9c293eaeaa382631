-- One row of everything per country, chain, stage and year. Columns with _w3 hold where the window has enough years.
SELECT
    v.iso3, v.chain::VARCHAR AS chain, v.stage::VARCHAR AS stage, v.year, c.focus, c.panel,
    v.present AS reporter_present,
    v.x AS exports_usd,
    v.m AS imports_usd,
    v.world_exports AS world_exports_usd,
    CASE WHEN v.x > 0 AND v.x_with_kg >= p.known_min * v.x THEN v.kg END AS exports_kg,
    CASE WHEN v.x_weighed >= p.known_min * v.x THEN v.x_weighed / v.kg_weighed END AS uv,
    v.x_estimated / nullif(v.x, 0) AS estimated_weight_share,
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
    d1.hhi AS hhi_dest,
    CASE WHEN c.focus AND v.present THEN coalesce(d1.n, 0) END AS n_markets,
    CASE WHEN v.stage = 'total' AND v.x >= p.min_dpr THEN depth.x_made / v.x END AS dpr,
    CASE WHEN v.stage = 'total' AND v.x >= p.min_dpr
        THEN (depth.x_made + depth.x_final) / (2 * v.x) END AS ui,
    CASE WHEN v.enough THEN v.sx END AS exports_usd_w3,
    CASE WHEN v.n_years_m >= p.min_years THEN v.sm END AS imports_usd_w3,
    CASE WHEN v.enough AND v.sx_weighed >= p.known_min * v.sx THEN v.sx_weighed / v.skg_weighed END AS uv_w3,
    CASE WHEN v.enough THEN v.sx_estimated / nullif(v.sx, 0) END AS estimated_weight_share_w3,
    v.rca_all_w3,
    v.rca_agri_w3,
    (v.rca_all_w3 - 1) / (v.rca_all_w3 + 1) AS rsca_all_w3,
    (v.rca_agri_w3 - 1) / (v.rca_agri_w3 + 1) AS rsca_agri_w3,
    CASE WHEN v.enough
        THEN 1e6 * (v.sx / v.sw_all - (v.sx_all / v.sw_all) * (v.sxk / v.sw_all)) END AS nrca_ppm_w3,
    CASE WHEN v.enough AND v.sxk > 0 THEN v.sx / v.sxk END AS share_world_w3,
    CASE WHEN v.rca_all_w3 > 0 AND was.rca_all_w3 > 0 THEN ln(v.rca_all_w3 / was.rca_all_w3) END AS d_ln_rca,
    CASE WHEN v.rca_agri_w3 > 0 AND was.rca_agri_w3 > 0
        THEN ln(v.rca_agri_w3 / was.rca_agri_w3) END AS d_ln_rca_agri,
    -- Levels over time are compared in constant prices (method 0.3), as means of the known years over the time
    -- between their middles, so that a year no file covers takes nothing away.
    CASE WHEN v.demand.mean > 0 AND was.demand.mean > 0 AND was.demand.first_run = v.demand.last_run
        THEN ln(v.demand.mean / was.demand.mean) / (v.demand.middle - was.demand.middle) END AS world_growth,
    CASE WHEN v.enough THEN d3.hhi END AS hhi_dest_w3,
    CASE WHEN v.enough THEN (d3.hhi - 1.0 / pm.n) / (1 - 1.0 / pm.n) END AS hhi_dest_norm_w3,
    CASE WHEN c.focus AND v.enough THEN coalesce(d3.n, 0) END AS n_markets_w3,
    CASE WHEN v.stage = 'total' AND v.enough AND v.sx >= p.min_dpr THEN depth.sx_made / v.sx END AS dpr_w3,
    CASE WHEN v.stage = 'total' AND v.enough AND v.sx >= p.min_dpr
        THEN (depth.sx_made + depth.sx_final) / (2 * v.sx) END AS ui_w3,
    -- A stage too thin to rate is unknown: neither with advantage nor without.
    CASE WHEN v.stage = 'total' AND depth.n_rated > 0 AND depth.n_rated >= p.known_min * depth.n_stages
        THEN depth.n_advantage / depth.n_rated END AS stage_coverage_w3,
    v.x_dom AS exports_dom_usd,
    v.rca_all_dom,
    v.rca_agri_dom,
    (v.rca_all_dom - 1) / (v.rca_all_dom + 1) AS rsca_all_dom,
    (v.rca_agri_dom - 1) / (v.rca_agri_dom + 1) AS rsca_agri_dom,
    1e6 * (v.x_dom / v.w_all - (v.x_all_dom / v.w_all) * (v.xk / v.w_all)) AS nrca_ppm_dom,
    CASE WHEN v.enough THEN v.sx_dom END AS exports_dom_usd_w3,
    v.rca_all_dom_w3,
    v.rca_agri_dom_w3,
    (v.rca_all_dom_w3 - 1) / (v.rca_all_dom_w3 + 1) AS rsca_all_dom_w3,
    (v.rca_agri_dom_w3 - 1) / (v.rca_agri_dom_w3 + 1) AS rsca_agri_dom_w3,
    CASE WHEN v.enough
        THEN 1e6 * (v.sx_dom / v.sw_all - (v.sx_all_dom / v.sw_all) * (v.sxk / v.sw_all)) END AS nrca_ppm_dom_w3,
    CASE WHEN v.xk > 0 THEN v.x_dom / v.xk END AS share_world_dom,
    CASE WHEN v.enough AND v.sxk > 0 THEN v.sx_dom / v.sxk END AS share_world_dom_w3,
    CASE WHEN v.stage = 'total' AND depth.dom.total >= p.min_dpr THEN depth.dom.made / depth.dom.total END AS dpr_dom,
    CASE WHEN v.stage = 'total' AND v.enough AND depth.dom_w3.total >= p.min_dpr
        THEN depth.dom_w3.made / depth.dom_w3.total END AS dpr_dom_w3,
    CASE WHEN v.stage = 'total' AND depth.dom.total >= p.min_dpr
        THEN (depth.dom.made + depth.dom.final) / (2 * depth.dom.total) END AS ui_dom,
    CASE WHEN v.stage = 'total' AND v.enough AND depth.dom_w3.total >= p.min_dpr
        THEN (depth.dom_w3.made + depth.dom_w3.final) / (2 * depth.dom_w3.total) END AS ui_dom_w3,
    v.reexport_flag,
    chain_trade.lafay(v.both) AS lafay,
    chain_trade.lafay(v.both_w3) AS lafay_w3,
    CASE WHEN NOT v.thin THEN chain_trade.rta(v.both) END AS rta,
    CASE WHEN NOT v.thin THEN chain_trade.rta(v.both_w3) END AS rta_w3,
    CASE WHEN v.both_known THEN b1.gl END AS gl,
    CASE WHEN v.n_years_both >= p.min_years THEN b3.gl END AS gl_w3,
    CASE WHEN v.both_known THEN b1.gl_adjusted END AS gl_adjusted,
    CASE WHEN v.n_years_both >= p.min_years THEN b3.gl_adjusted END AS gl_adjusted_w3,
    b1.ruv,
    CASE WHEN v.enough THEN b3.ruv END AS ruv_w3,
    chain_trade.price_class(b3.ruv, p.ruv_band, v.enough) AS ruv_class_w3,
    CASE WHEN v.enough THEN b3.ruv_coverage END AS ruv_coverage_w3,
    b1.hhi_prod,
    CASE WHEN v.enough THEN b3.hhi_prod END AS hhi_prod_w3,
    b1.theil_between + b1.theil_within AS theil,
    b1.theil_between,
    b1.theil_within,
    CASE WHEN v.enough THEN b3.theil_between + b3.theil_within END AS theil_w3,
    CASE WHEN v.enough THEN b3.theil_between END AS theil_between_w3,
    CASE WHEN v.enough THEN b3.theil_within END AS theil_within_w3,
    d1.share_rus,
    d1.share_eaeu,
    d1.share_ca,
    d1.share_largest,
    d1.largest_market,
    CASE WHEN v.enough THEN d3.share_rus END AS share_rus_w3,
    CASE WHEN v.enough THEN d3.share_eaeu END AS share_eaeu_w3,
    CASE WHEN v.enough THEN d3.share_ca END AS share_ca_w3,
    CASE WHEN v.enough THEN d3.share_largest END AS share_largest_w3,
    CASE WHEN v.enough THEN d3.largest_market END AS largest_market_w3,
    r1.hhi_prod_market,
    CASE WHEN v.enough THEN r3.hhi_prod_market END AS hhi_prod_market_w3,
    r1.market_penetration,
    CASE WHEN v.enough THEN r3.market_penetration END AS market_penetration_w3,
    r1.tii_top,
    CASE WHEN v.enough THEN r3.tii_top END AS tii_top_w3,
    CASE WHEN v.enough THEN t.tci END AS tci_top_w3,
    CASE WHEN v.enough THEN t.market END AS tci_partner_w3,
    CASE WHEN c.focus THEN s1.sti END AS sti,
    CASE WHEN c.focus THEN s3.sti END AS sti_w3,
    chain_trade.dynamic_class(v.part, was.part) AS dynamic_class,
    g.growth AS cms_growth,
    g.world AS cms_world,
    g.composition AS cms_composition,
    g.market AS cms_market,
    g.residual AS cms_residual,
    g.midpoint_share AS cms_midpoint_share,
    chain_trade.rsca_quantile(u.rca, u.sigma, -1.6448536269514722) AS rsca_p05,
    chain_trade.rsca_quantile(u.rca, u.sigma, 0) AS rsca_p50,
    chain_trade.rsca_quantile(u.rca, u.sigma, 1.6448536269514722) AS rsca_p95,
    CASE WHEN v.both_usd > 0 THEN 1 - v.apart_usd / v.both_usd END AS mirror_agreement,
    CASE WHEN v.sboth > 0 THEN 1 - v.sapart / v.sboth END AS mirror_agreement_w3,
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
        CASE WHEN v.enough AND v.sx > 0 AND was.enough AND was.sx = 0 THEN 'entry' END,
        CASE WHEN v.enough AND v.sx = 0 AND was.enough AND was.sx > 0 THEN 'exit' END,
        CASE WHEN was.demand.first_run < v.demand.last_run THEN 'no_deflator' END,
        CASE WHEN v.x_estimated > 0 AND p.known_min * v.x - coalesce(v.x_weighed, 0) BETWEEN 1e-9 * v.x AND v.x_estimated
            THEN 'estimated_weights' END,
        CASE WHEN NOT c.focus THEN 'bilateral_not_held' END
    ) AS flag
FROM chain_trade.position v
CROSS JOIN chain_trade.p
CROSS JOIN (SELECT count(*) - 1 AS n FROM dim_country) pm
JOIN dim_country c USING (iso3)
JOIN chain_trade.depth ON (depth.iso3, depth.chain, depth.year) = (v.iso3, v.chain, v.year)
LEFT JOIN chain_trade.position was
    ON (was.iso3, was.chain, was.stage, was.year) = (v.iso3, v.chain, v.stage, v.year - v.span)
LEFT JOIN chain_trade.basket b1
    ON (b1.iso3, b1.chain, b1.stage, b1.year, b1.span) = (v.iso3, v.chain, v.stage, v.year, 1)
LEFT JOIN chain_trade.basket b3
    ON (b3.iso3, b3.chain, b3.stage, b3.year, b3.span) = (v.iso3, v.chain, v.stage, v.year, p.span)
LEFT JOIN chain_trade.destinations d1
    ON (d1.iso3, d1.chain, d1.stage, d1.year, d1.span) = (v.iso3, v.chain, v.stage, v.year, 1)
LEFT JOIN chain_trade.destinations d3
    ON (d3.iso3, d3.chain, d3.stage, d3.year, d3.span) = (v.iso3, v.chain, v.stage, v.year, p.span)
LEFT JOIN chain_trade.reach r1
    ON (r1.iso3, r1.chain, r1.stage, r1.year, r1.span) = (v.iso3, v.chain, v.stage, v.year, 1)
LEFT JOIN chain_trade.reach r3
    ON (r3.iso3, r3.chain, r3.stage, r3.year, r3.span) = (v.iso3, v.chain, v.stage, v.year, p.span)
LEFT JOIN chain_trade.uncertainty u ON (u.iso3, u.chain, u.stage, u.year) = (v.iso3, v.chain, v.stage, v.year)
LEFT JOIN chain_trade.introversion s1 ON (s1.chain, s1.stage, s1.year, s1.span) = (v.chain, v.stage, v.year, 1)
LEFT JOIN chain_trade.introversion s3 ON (s3.chain, s3.stage, s3.year, s3.span) = (v.chain, v.stage, v.year, p.span)
LEFT JOIN chain_trade.complementarity t ON (t.iso3, t.chain, t.stage, t.year) = (v.iso3, v.chain, v.stage, v.year)
-- Growth is told of windows that know all their years: a missing one would pass for a fall.
LEFT JOIN chain_trade.growth g ON (g.iso3, g.chain, g.stage, g.year) = (v.iso3, v.chain, v.stage, v.year)
    AND v.n_years = v.span AND was.n_years = v.span
