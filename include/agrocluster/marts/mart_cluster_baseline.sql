-- Cluster-potential baseline: POSITION and HEADROOM of every chain in every focus and panel country.
-- Arithmetic means inside pillars, geometric across them (method 9.6); what is unknown stays null with a reason.
WITH p AS (
    SELECT
        parameter('index_min_pillars') AS min_pillars,
        parameter('enabling_floor') AS enabling_floor,
        list_min(string_split(parameter_text('age_decay'), ',')::DOUBLE[]) AS decay_unknown,
        parameter('sigma_trade') AS sigma_trade,
        parameter('sigma_full_loss') AS sigma_loss,
        parameter('grade_a') AS a,
        parameter('grade_b') AS b,
        parameter('grade_c') AS c
),
part AS (FROM mart_baseline_indicators),
pillar AS (
    SELECT i.baseline_id, i.iso3, i.chain, i.sub_index, i.pillar, w.weight, w.required, i.index_exists,
        CASE WHEN bool_and(i.pillar_exists) THEN sum(i.weight_in_pillar * i.score) END AS score,
        sum(i.weight_in_common * i.score) FILTER (i.weight_in_common > 0) AS score_common,
        min(nullif(i.reason, '')) FILTER (i.reason NOT IN ('not_applicable', 'focus_countries_only')) AS why,
        bool_and(i.reason = 'not_applicable') AS nothing_applies
    FROM part i JOIN cat_pillar w USING (pillar)
    GROUP BY ALL
),
sub_index AS (
    SELECT baseline_id, iso3, chain,
        exp(sum(weight * ln(score)) FILTER (sub_index = 'position')
            / sum(weight) FILTER (sub_index = 'position' AND score IS NOT NULL)) AS position_any,
        exp(sum(weight * ln(score)) FILTER (sub_index = 'headroom')
            / sum(weight) FILTER (sub_index = 'headroom' AND score IS NOT NULL)) AS headroom_any,
        bool_and(index_exists) FILTER (sub_index = 'position') AS position_exists,
        bool_and(index_exists) FILTER (sub_index = 'headroom') AS headroom_exists,
        any_value(score) FILTER (pillar = 'p1') AS p1, any_value(score) FILTER (pillar = 'p2') AS p2,
        any_value(score) FILTER (pillar = 'p3') AS p3, any_value(score) FILTER (pillar = 'p4') AS p4,
        any_value(score) FILTER (pillar = 'h1') AS h1, any_value(score) FILTER (pillar = 'h2') AS h2,
        any_value(score) FILTER (pillar = 'h3') AS h3, any_value(score) FILTER (pillar = 'h4') AS h4,
        string_agg(
            pillar || ':' || CASE WHEN nothing_applies THEN 'not_applicable' ELSE coalesce(why, 'too_few_indicators') END,
            ';' ORDER BY sub_index DESC, pillar
        ) FILTER (score IS NULL) AS missing_pillars
    FROM pillar GROUP BY ALL
),
comparable AS (  -- sub-indices of the indicators that focus and panel countries share, which medians are taken of
    SELECT baseline_id, iso3, chain, sub_index,
        CASE WHEN count(score_common) >= any_value(p.min_pillars)
                AND coalesce(bool_and(score_common IS NOT NULL) FILTER (required), true)
            THEN exp(sum(weight * ln(score_common)) / sum(weight) FILTER (score_common IS NOT NULL)) END AS value
    FROM pillar, p GROUP BY ALL
),
common AS (
    SELECT baseline_id, iso3, chain,
        any_value(value) FILTER (sub_index = 'position') AS position_common,
        any_value(value) FILTER (sub_index = 'headroom') AS headroom_common
    FROM comparable GROUP BY ALL
),
weights AS (
    SELECT baseline_id, iso3, chain,
        coalesce(sum(nominal_weight) FILTER (weight_in_pillar > 0 AND sub_index = 'position'), 0)
            / sum(nominal_weight) FILTER (sub_index = 'position') AS coverage_position,
        coalesce(sum(nominal_weight) FILTER (weight_in_pillar > 0 AND sub_index = 'headroom'), 0)
            / sum(nominal_weight) FILTER (sub_index = 'headroom') AS coverage_headroom,
        sum(effective_weight) FILTER (basis = 'trade') AS trade_weight,
        sum(effective_weight) FILTER (basis = 'production') AS production_weight,
        any_value(goalpost_id) AS goalpost_id
    FROM part GROUP BY ALL
),
source AS (
    SELECT w.*,
        (coalesce(trade_weight * greatest(0, 1 - p.sigma_trade / p.sigma_loss), 0)
            + coalesce(production_weight * greatest(0, 1 - m.sigma_production / p.sigma_loss), 0))
            / nullif(trade_weight + CASE WHEN m.sigma_production IS NULL THEN 0 ELSE production_weight END, 0) AS c_src
    FROM weights w CROSS JOIN p
    JOIN dim_baseline b USING (baseline_id)
    LEFT JOIN mart_chain_production m ON m.iso3 = w.iso3 AND m.chain = w.chain AND m.year = b.last_year
),
block AS (
    SELECT b.baseline_id, e.iso3, e.block, avg(e.score) AS score
    FROM mart_enabling e JOIN dim_baseline b ON e.year = b.last_year
    WHERE e.block IS NOT NULL AND e.value IS NOT NULL GROUP BY ALL
),
enabling AS (
    SELECT baseline_id, iso3, exp(avg(ln(score))) AS enabling FROM block GROUP BY ALL
),
freshness AS (  -- an indicator that is not known counts like the oldest that would still be carried forward
    SELECT baseline_id, iso3, avg(decay) AS decay
    FROM (
        SELECT b.baseline_id, c.iso3, i.block, avg(coalesce(e.decay, p.decay_unknown)) AS decay
        FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN p
        JOIN dim_indicator i ON i.block IS NOT NULL AND NOT i.archived
        LEFT JOIN mart_enabling e
            ON e.iso3 = c.iso3 AND e.dataset = i.dataset AND e.indicator = i.indicator AND e.year = b.last_year
        WHERE c.focus OR c.panel
        GROUP BY ALL
    ) GROUP BY ALL
),
joined AS (
    SELECT s.*, w.coverage_position, w.coverage_headroom, w.c_src, w.goalpost_id, e.enabling, e.iso3 IS NOT NULL AS measured,
        (w.coverage_position + w.coverage_headroom) / 2 AS coverage,
        CASE WHEN position_exists THEN position_any END AS position,
        CASE WHEN headroom_exists THEN headroom_any END AS headroom,
        c.position_common, c.headroom_common,
        sqrt(position * headroom) AS potential,
        potential * (p.enabling_floor + (1 - p.enabling_floor) * e.enabling / 100) AS potential_adj,
        CASE WHEN w.coverage_position + w.coverage_headroom > 0 THEN coverage END AS c_cov,
        f.decay AS c_time,
        CASE WHEN c_src IS NOT NULL THEN (c_cov * c_src * c_time) ** (1.0 / 3) END AS confidence
    FROM sub_index s
    JOIN source w USING (baseline_id, iso3, chain)
    JOIN common c USING (baseline_id, iso3, chain)
    JOIN freshness f USING (baseline_id, iso3)
    LEFT JOIN enabling e USING (baseline_id, iso3)
    CROSS JOIN p
),
graded AS (
    SELECT j.*, c.focus, c.panel, c.name_en AS country_en, c.name_ru AS country_ru,
        CASE
            WHEN confidence >= p.a THEN 'A' WHEN confidence >= p.b THEN 'B' WHEN confidence >= p.c THEN 'C'
            WHEN confidence IS NOT NULL THEN 'D'
        END AS grade,
        median(position_common) FILTER (c.panel) OVER panel_of AS median_position,
        median(headroom_common) FILTER (c.panel) OVER panel_of AS median_headroom
    FROM joined j JOIN dim_country c USING (iso3) CROSS JOIN p
    WINDOW panel_of AS (PARTITION BY baseline_id)
),
ranked AS (
    SELECT *,
        focus AND grade <> 'D' AND potential IS NOT NULL AS rankable,
        CASE
            WHEN position IS NULL OR headroom IS NULL THEN NULL
            WHEN position_common >= median_position AND headroom_common >= median_headroom THEN 'build'
            WHEN position_common >= median_position AND headroom_common < median_headroom THEN 'defend'
            WHEN position_common < median_position AND headroom_common >= median_headroom THEN 'prepare'
            WHEN position_common < median_position AND headroom_common < median_headroom THEN 'leave'
        END AS quadrant
    FROM graded
),
panel AS (
    SELECT 'P' || count(*) || '-' || left(md5(string_agg(iso3, ',' ORDER BY iso3)), 8) AS panel_id
    FROM dim_country WHERE panel
)
SELECT
    r.baseline_id, b.first_year, b.last_year, r.iso3, r.chain, r.focus, r.panel,
    r.country_en, r.country_ru, d.chain_en, d.chain_ru,
    r.p1, r.p2, r.p3, r.p4, r.h1, r.h2, r.h3, r.h4,
    r.position, r.headroom, r.position_common, r.headroom_common, r.potential, r.enabling, r.potential_adj,
    r.quadrant,
    CASE r.quadrant WHEN 'build' THEN 'Build' WHEN 'defend' THEN 'Defend and upgrade' WHEN 'prepare' THEN 'Prepare'
        WHEN 'leave' THEN 'Leave' END AS quadrant_en,
    CASE r.quadrant WHEN 'build' THEN 'Строить' WHEN 'defend' THEN 'Защищать и повышать передел'
        WHEN 'prepare' THEN 'Готовить' WHEN 'leave' THEN 'Оставить' END AS quadrant_ru,
    CASE WHEN r.rankable THEN rank() OVER (PARTITION BY r.baseline_id, r.iso3, r.rankable ORDER BY r.potential DESC) END
        AS rank_country,
    CASE WHEN r.rankable AND r.potential_adj IS NOT NULL THEN rank() OVER (
        PARTITION BY r.baseline_id, r.chain, r.rankable ORDER BY r.potential_adj DESC NULLS LAST
    ) END AS rank_chain,
    r.coverage, r.coverage_position, r.coverage_headroom,
    r.c_cov, r.c_src, r.c_time, r.confidence, r.grade,
    EXISTS (
        FROM cat_caveat v WHERE v.iso3 = r.iso3 AND v.chain = r.chain AND v.flag = 'policy_klaster_flag'
    ) AS policy_klaster_flag,
    (SELECT string_agg(v.flag, ';' ORDER BY v.flag) FROM cat_caveat v WHERE v.iso3 = r.iso3 AND v.chain = r.chain)
        AS caveats,
    concat_ws(
        ';',
        CASE WHEN b.last_year IS NULL THEN 'no_baseline_window' END,
        CASE WHEN r.position IS NULL THEN 'position:too_few_pillars' END,
        CASE WHEN r.headroom IS NULL THEN 'headroom:too_few_pillars' END,
        CASE WHEN r.enabling IS NULL THEN CASE WHEN r.measured THEN 'enabling:no_goalposts' ELSE 'enabling:no_source' END END,
        r.missing_pillars,
        CASE WHEN r.p4 IS NULL AND r.position_common >= r.median_position THEN 'territory_unknown' END,
        'mirror_agreement:no_sides'
    ) AS reasons,
    true AS preliminary,
    b.index_version,
    r.goalpost_id,
    panel.panel_id
FROM ranked r
JOIN dim_baseline b USING (baseline_id)
JOIN dim_chain d USING (chain)
CROSS JOIN panel
