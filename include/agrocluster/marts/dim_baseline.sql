-- Baseline windows. Those without fixed years end in the last year that both trade and farm statistics cover.
WITH p AS (
    SELECT
        parameter('window_years')::INTEGER AS span,
        parameter('world_completeness_min') AS complete_min
),
trade AS (
    SELECT max(year) AS last FROM mart_chain_trade WHERE world_completeness >= (SELECT complete_min FROM p)
),
reporting AS (
    SELECT year, count(DISTINCT iso3) AS n FROM mart_chain_output WHERE production_t IS NOT NULL GROUP BY year
),
farm AS (  -- complete when nearly as many countries report as in the best year; a few late files are no year
    SELECT max(r.year) AS last FROM reporting r, p WHERE r.n >= p.complete_min * (SELECT max(n) FROM reporting)
),
current_end AS (SELECT least(trade.last, farm.last) AS last FROM trade, farm)
SELECT
    b.baseline_id,
    CASE WHEN b.last_year IS NULL THEN current_end.last - p.span + 1 ELSE b.first_year END AS first_year,
    coalesce(b.last_year, current_end.last) AS last_year,
    b.en AS name_en, b.ru AS name_ru,
    b.is_reference, b.index_version,
    trade.last AS last_complete_trade_year,
    farm.last AS last_complete_farm_year
FROM cat_baseline b, current_end, trade, farm, p
