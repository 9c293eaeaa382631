-- Who is there? The firms, people and finance that a cluster could mobilise, by country, in the last year of each
-- baseline window. Country level: nothing here varies by chain.
WITH peers AS (
    SELECT e.dataset, e.indicator, e.year, median(e.value) AS peer_median, count(e.value) AS n_peers
    FROM mart_enabling e JOIN dim_country c USING (iso3)
    WHERE c.panel GROUP BY ALL
)
SELECT
    b.baseline_id, c.iso3, m.topic, m.position::SMALLINT AS position, m.indicator, m.dataset,
    i.name_en, i.name_ru, i.unit, i.direction, b.last_year AS year,
    e.value, e.se, e.value_year, e.age, e.decay, e.score,
    CASE WHEN p.n_peers >= parameter('reading_min_peers') THEN p.peer_median END AS peer_median,
    coalesce(p.n_peers, 0) AS n_peers,
    m.scope, m.note_en, m.note_ru, i.source,
    CASE
        WHEN e.value IS NOT NULL THEN ''
        WHEN i.archived THEN 'archived'
        ELSE 'no_source'
    END AS reason
FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN cat_mobilisation m
JOIN dim_indicator i ON i.indicator = m.indicator AND i.dataset = m.dataset
LEFT JOIN mart_enabling e
    ON e.iso3 = c.iso3 AND e.indicator = m.indicator AND e.dataset = m.dataset AND e.year = b.last_year
LEFT JOIN peers p ON p.indicator = m.indicator AND p.dataset = m.dataset AND p.year = b.last_year
WHERE c.focus AND b.last_year IS NOT NULL
