-- Enabling environment of the focus and panel countries: the newest value known in each year, at most five years
-- old, scored against the world's goalposts.
WITH p AS (
    SELECT
        parameter('carry_max_years') AS carry,
        string_split(parameter_text('age_decay'), ',')::DOUBLE[] AS decay
),
known AS (
    SELECT dataset, indicator, iso3, year, value, flag FROM fact_indicator WHERE value IS NOT NULL
),
series AS (
    SELECT * FROM dim_indicator
    WHERE status = 'fetched' AND indicator NOT IN (SELECT se_indicator FROM dim_indicator WHERE se_indicator IS NOT NULL)
),
calendar AS (  -- to the end of the newest baseline, which other sources may carry beyond the newest indicator
    SELECT unnest(generate_series(
        min(year), greatest(max(year), coalesce((SELECT max(last_year) FROM dim_baseline), max(year)))
    ))::SMALLINT AS year FROM known
),
key AS (
    SELECT c.iso3, c.focus, s.dataset, s.indicator, y.year
    FROM dim_country c CROSS JOIN series s CROSS JOIN calendar y
    WHERE (c.focus OR c.panel) AND y.year >= s.first_year
),
latest AS (  -- the last value at or before each year (an as-of join takes minutes for this)
    SELECT k.*,
        last_value(o.year IGNORE NULLS) OVER until AS value_year,
        last_value(o.value IGNORE NULLS) OVER until AS value,
        last_value(o.flag IGNORE NULLS) OVER until AS flag,
        k.year - value_year AS age
    FROM key k
    LEFT JOIN known o ON o.dataset = k.dataset AND o.indicator = k.indicator AND o.iso3 = k.iso3 AND o.year = k.year
    WINDOW until AS (PARTITION BY k.iso3, k.dataset, k.indicator ORDER BY k.year)
),
valid AS (
    SELECT a.* REPLACE (
        CASE WHEN age <= p.carry THEN value END AS value,
        CASE WHEN age <= p.carry THEN value_year END AS value_year,
        CASE WHEN age <= p.carry THEN age END AS age,
        CASE WHEN age <= p.carry THEN flag END AS flag
    ), p.decay AS decays
    FROM latest a, p
)
SELECT
    v.iso3, v.indicator, v.dataset, v.year, v.focus,
    s.name_en, s.name_ru, s.unit, s.theme, s.block, s.direction,
    v.value,
    e.value AS se,
    v.value_year,
    v.age,
    v.age > 0 AS carried,
    list_extract(v.decays, v.age::INTEGER + 1) AS decay,
    CASE WHEN g.status NOT IN ('too_few_values', 'no_spread') THEN
        1 + 99 * greatest(0, least(1, CASE s.direction
            WHEN '+' THEN (v.value - g.goalpost_low) / (g.goalpost_high - g.goalpost_low)
            WHEN '-' THEN (g.goalpost_high - v.value) / (g.goalpost_high - g.goalpost_low)
        END)) * CASE WHEN v.value IS NULL THEN NULL ELSE 1 END
    END AS score,
    s.source,
    s.archived,
    CASE
        WHEN v.value IS NULL THEN 'no_source'
        WHEN s.direction = 'context' THEN 'context_only'
        WHEN g.status IN ('too_few_values', 'no_spread') THEN 'no_goalposts'
        ELSE ''
    END AS reason,
    coalesce(v.flag, '') AS flag
FROM valid v
JOIN series s USING (dataset, indicator)
LEFT JOIN known e ON e.indicator = s.se_indicator AND e.iso3 = v.iso3 AND e.year = v.value_year AND e.dataset = v.dataset
LEFT JOIN mart_goalposts g ON g.kind = 'enabling' AND g.indicator = v.indicator
