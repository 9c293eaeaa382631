-- One row per indicator of the catalogue, with what came of asking for it.
WITH held AS (
    SELECT
        dataset, indicator,
        count(*) AS n_values,
        count(DISTINCT iso3) AS n_countries,
        count(DISTINCT iso3) FILTER (iso3 IN (SELECT iso3 FROM cat_country WHERE focus)) AS n_focus,
        min(year) AS first_year,
        max(year) AS last_year
    FROM fact_indicator
    WHERE value IS NOT NULL
    GROUP BY ALL
)
SELECT
    i.indicator, i.name_en, i.name_ru, i.unit, i.direction, i.theme, i.enabling AS block, i.source, i.dataset,
    i.se_code AS se_indicator, i.archived,
    CASE WHEN h.indicator IS NOT NULL THEN 'fetched' WHEN i.archived THEN 'archived' ELSE 'no_data' END AS status,
    coalesce(h.n_values, 0) AS n_values,
    coalesce(h.n_countries, 0) AS n_countries,
    coalesce(h.n_focus, 0) AS n_focus,
    h.first_year,
    h.last_year
FROM cat_indicator i
LEFT JOIN held h USING (dataset, indicator)
