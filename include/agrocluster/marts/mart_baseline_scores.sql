-- Pillars, POSITION, HEADROOM, quadrant and rank of every cell, put together from the published weights and scores.
-- Arithmetic means inside pillars, geometric across them; the quadrant is cut at panel medians of what all have.
WITH part AS (FROM mart_baseline_indicators),
pillar AS (
    SELECT i.baseline_id, i.iso3, i.chain, i.sub_index, i.pillar, w.weight, w.required, i.index_exists,
        CASE WHEN bool_and(i.pillar_exists) THEN sum(i.weight_in_pillar * i.score ORDER BY i.indicator) END AS score,
        sum(i.weight_in_common * i.score ORDER BY i.indicator) FILTER (i.weight_in_common > 0) AS score_common,
        min(nullif(i.reason, '')) FILTER (i.reason NOT IN ('not_applicable', 'focus_countries_only')) AS why,
        bool_and(i.reason = 'not_applicable') AS nothing_applies
    FROM part i JOIN cat_pillar w USING (pillar)
    GROUP BY ALL
),
sub_index AS (
    SELECT baseline_id, iso3, chain,
        -- Rounded: the last bits of logarithms and exponentials differ between processors.
        round(exp(sum(weight * ln(score) ORDER BY pillar) FILTER (sub_index = 'position')
            / sum(weight) FILTER (sub_index = 'position' AND score IS NOT NULL)), 9) AS position_any,
        round(exp(sum(weight * ln(score) ORDER BY pillar) FILTER (sub_index = 'headroom')
            / sum(weight) FILTER (sub_index = 'headroom' AND score IS NOT NULL)), 9) AS headroom_any,
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
        CASE WHEN count(score_common) >= parameter('index_min_pillars')
                AND coalesce(bool_and(score_common IS NOT NULL) FILTER (required), true)
            THEN round(exp(sum(weight * ln(score_common) ORDER BY pillar)
                / sum(weight) FILTER (score_common IS NOT NULL)), 9) END AS value
    FROM pillar GROUP BY ALL
),
common AS (
    SELECT baseline_id, iso3, chain,
        any_value(value) FILTER (sub_index = 'position') AS position_common,
        any_value(value) FILTER (sub_index = 'headroom') AS headroom_common
    FROM comparable GROUP BY ALL
),
joined AS (
    SELECT s.* EXCLUDE (position_any, headroom_any, position_exists, headroom_exists),
        c.focus, c.panel,
        CASE WHEN position_exists THEN position_any END AS position,
        CASE WHEN headroom_exists THEN headroom_any END AS headroom,
        m.position_common, m.headroom_common,
        sqrt(position * headroom) AS potential,
        potential * (parameter('enabling_floor') + (1 - parameter('enabling_floor')) * t.enabling / 100) AS potential_adj,
        t.grade,
        median(position_common) FILTER (c.panel) OVER panel_of AS median_position,
        median(headroom_common) FILTER (c.panel) OVER panel_of AS median_headroom
    FROM sub_index s
    JOIN common m USING (baseline_id, iso3, chain)
    JOIN mart_baseline_context t USING (baseline_id, iso3, chain)
    JOIN dim_country c USING (iso3)
    WINDOW panel_of AS (PARTITION BY baseline_id)
),
placed AS (
    SELECT *,
        coalesce(focus AND grade <> 'D' AND potential IS NOT NULL, false) AS ranked,
        CASE
            WHEN position IS NULL OR headroom IS NULL THEN NULL
            WHEN position_common >= median_position AND headroom_common >= median_headroom THEN 'build'
            WHEN position_common >= median_position AND headroom_common < median_headroom THEN 'defend'
            WHEN position_common < median_position AND headroom_common >= median_headroom THEN 'prepare'
            WHEN position_common < median_position AND headroom_common < median_headroom THEN 'leave'
        END AS quadrant
    FROM joined
)
SELECT baseline_id, iso3, chain, focus, panel, p1, p2, p3, p4, h1, h2, h3, h4,
    position, headroom, position_common, headroom_common, median_position, median_headroom,
    potential, potential_adj, quadrant, ranked,
    CASE WHEN ranked THEN rank() OVER (PARTITION BY baseline_id, iso3, ranked ORDER BY potential DESC) END AS rank_country,
    CASE WHEN ranked AND potential_adj IS NOT NULL THEN rank() OVER (
        PARTITION BY baseline_id, chain, ranked ORDER BY potential_adj DESC NULLS LAST
    ) END AS rank_chain,
    missing_pillars
FROM placed
