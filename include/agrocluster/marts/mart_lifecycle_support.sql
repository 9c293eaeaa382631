-- What limits it? Stages from the tightest on, the indicators that cost the chain most, and what the country's
-- enabling environment lacks, each with the kind of support that answers it (catalog/lifecycle/support_need.csv).
WITH p AS (
    SELECT parameter('support_indicators') AS most
),
key AS (
    SELECT b.baseline_id, b.last_year, c.iso3, d.chain
    FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN dim_chain d
    WHERE c.focus
),
export_row AS (
    SELECT iso3, chain, year,
        any_value(dpr_w3) FILTER (stage = 'total') AS dpr,
        any_value(ui_w3) FILTER (stage = 'total') AS ui,
        any_value(hhi_dest_norm_w3) FILTER (stage = 'total') AS hhi_dest,
        any_value(CASE index_base WHEN 'agri' THEN rsca_agri_w3 ELSE rsca_all_w3 END) FILTER (stage = 'processed')
            AS rsca_processed,
        any_value(CASE index_base WHEN 'agri' THEN rsca_agri_w3 ELSE rsca_all_w3 END) FILTER (stage = 'final')
            AS rsca_final
    FROM mart_chain_trade GROUP BY ALL
),
part AS (
    UNPIVOT (
        SELECT k.baseline_id, k.iso3, k.chain,
            o.input_dependence,
            o.plq_w3 AS plq,
            o.yield_gap_w3 AS yield_gap,
            t.rsca_processed, t.dpr, t.rsca_final, t.ui, t.hhi_dest,
            e.realised_share AS realised
        FROM key k
        LEFT JOIN mart_chain_production o ON o.iso3 = k.iso3 AND o.chain = k.chain AND o.year = k.last_year
        LEFT JOIN export_row t ON t.iso3 = k.iso3 AND t.chain = k.chain AND t.year = k.last_year
        LEFT JOIN mart_export_potential_chain e
            ON e.baseline_id = k.baseline_id AND e.iso3 = k.iso3 AND e.chain = k.chain AND e.market = 'WLD'
    ) ON input_dependence, plq, yield_gap, rsca_processed, dpr, rsca_final, ui, hhi_dest, realised
    INTO NAME part VALUE value
),
stage AS (
    UNPIVOT (
        SELECT baseline_id, iso3, chain, bottleneck, known_parts,
            b_input AS input, b_primary AS "primary", b_processed AS processed, b_final AS final, b_market AS market
        FROM mart_chain_bottleneck
    ) ON input, "primary", processed, final, market INTO NAME item VALUE score
),
behind AS (  -- the figures that a stage score rests on
    SELECT s.baseline_id, s.iso3, s.chain, s.item, p.part, p.value
    FROM (
        SELECT *, unnest(string_split(regexp_extract(known_parts, '(?:^|;)' || item || ':([^;]*)', 1), '+')) AS part
        FROM stage
    ) s JOIN part p USING (baseline_id, iso3, chain, part)
),
stage_row AS (
    SELECT k.baseline_id, k.iso3, k.chain, n.cause, n.item, s.score,
        rank() OVER (PARTITION BY k.baseline_id, k.iso3, k.chain ORDER BY s.score NULLS LAST) AS place,
        coalesce(s.bottleneck = n.item, false) AS needed,
        one.value AS part_1_value, two.value AS part_2_value
    FROM key k JOIN cat_support_need n ON n.cause = 'stage'
    LEFT JOIN stage s USING (baseline_id, iso3, chain, item)
    LEFT JOIN behind one ON one.baseline_id = k.baseline_id AND one.iso3 = k.iso3 AND one.chain = k.chain
        AND one.item = n.item AND one.part = n.part_1
    LEFT JOIN behind two ON two.baseline_id = k.baseline_id AND two.iso3 = k.iso3 AND two.chain = k.chain
        AND two.item = n.item AND two.part = n.part_2
),
indicator_row AS (
    SELECT i.baseline_id, i.iso3, i.chain, n.cause, n.item, i.score, i.name_en, i.name_ru,
        i.effective_weight * (100 - i.score) AS loss,
        row_number() OVER (PARTITION BY i.baseline_id, i.iso3, i.chain ORDER BY loss DESC, n.item) AS place
    FROM mart_baseline_indicators i JOIN cat_support_need n ON n.cause = 'indicator' AND n.item = i.indicator
    WHERE i.focus AND i.effective_weight > 0 AND i.score < 100
),
enabled AS (
    SELECT b.baseline_id, e.iso3, n.item, avg(e.score ORDER BY e.dataset, e.indicator) AS score
    FROM mart_enabling e JOIN dim_baseline b ON e.year = b.last_year
    JOIN cat_support_need n ON n.cause = 'country' AND n.item IN (e.block, e.indicator)
    GROUP BY ALL
),
usual AS (
    SELECT baseline_id, item, median(score) AS peer_median
    FROM enabled JOIN dim_country c USING (iso3) WHERE c.panel
    GROUP BY ALL HAVING count(score) >= parameter('reading_min_peers')
),
country_row AS (
    SELECT k.baseline_id, k.iso3, k.chain, n.cause, n.item, e.score, u.peer_median,
        rank() OVER (PARTITION BY k.baseline_id, k.iso3, k.chain ORDER BY e.score NULLS LAST) AS place
    FROM key k JOIN cat_support_need n ON n.cause = 'country'
    LEFT JOIN enabled e USING (baseline_id, iso3, item)
    LEFT JOIN usual u USING (baseline_id, item)
),
found AS (
    SELECT baseline_id, iso3, chain, cause, item, place, score, needed, part_1_value, part_2_value,
        NULL::DOUBLE AS loss, NULL::DOUBLE AS peer_median, NULL AS name_en, NULL AS name_ru
    FROM stage_row
    UNION ALL BY NAME
    SELECT * EXCLUDE (place), place, true AS needed FROM indicator_row JOIN p ON place <= p.most
    UNION ALL BY NAME
    SELECT *, coalesce(score < peer_median, false) AS needed FROM country_row
)
SELECT
    f.baseline_id, f.iso3, f.chain, f.cause, f.place, f.item,
    coalesce(nullif(n.name_en, ''), f.name_en) AS name_en,
    coalesce(nullif(n.name_ru, ''), f.name_ru) AS name_ru,
    f.score, f.loss, f.peer_median, f.needed,
    nullif(n.part_1, '') AS part_1, f.part_1_value,
    nullif(n.part_2, '') AS part_2, f.part_2_value,
    n.support, s.support_en, s.support_ru, n.why_en, n.why_ru,
    CASE WHEN f.score IS NULL THEN 'no_score' ELSE '' END AS reason
FROM found f
JOIN cat_support_need n USING (cause, item)
JOIN cat_support_kind s USING (support)
