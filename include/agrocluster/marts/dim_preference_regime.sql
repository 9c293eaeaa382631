-- One row per regime, exporter and market. A regime counts for a year if it was in force on its last day.
SELECT
    p.regime, e.exporter, i.importer,
    nullif(p."start", '') AS start_date,
    nullif(p."end", '') AS end_date,
    try_cast(left(p."start", 4) AS SMALLINT) AS first_year,
    try_cast(left(p."end", 4) AS SMALLINT)
        - CASE WHEN length(p."end") > 4 AND p."end" NOT LIKE '%-12-31' THEN 1 ELSE 0 END AS last_year,
    p.coverage, p.treatment,
    p.treatment = 'zero' AND p.coverage IN ('full', 'exceptions') AS free_trade,
    p.verified = 'true' AS verified,
    p.en AS name_en, p.ru AS name_ru,
    p.source AS citation,
    nullif(p.url, '') AS url
FROM cat_preference p,
    unnest(string_split(p.exporters, ' ')) AS e(exporter),
    unnest(string_split(p.importers, ' ')) AS i(importer)
WHERE e.exporter <> i.importer
