-- How home output, imports and use of a chain stand to each other, and what the country's animals eat, from food balances.
-- Feed is known for a country, not for an animal: chains that feed_grains feeds (chain links) carry the country's figure.
WITH p AS (
    SELECT
        parameter('known_share_min') AS known_min,
        parameter('window_years')::INTEGER AS span,
        parameter('window_min_years') AS min_years,
        parameter_text('feed_chain') AS feed_chain
),
item AS (  -- its weight is its usual supply: as its balances give it where they close, else as FAOSTAT does
    SELECT *, coalesce(avg(supply_t) OVER own, avg(domestic_supply_t) OVER own, avg(production_t + import_t) OVER own)
        AS usual_t, if(usual_t < 0, 0, usual_t) AS weight
    FROM mart_food_balance WINDOW own AS (PARTITION BY iso3, chain, item_code)
),
usual AS (
    SELECT iso3, chain, sum(weight) AS usual
    FROM (SELECT DISTINCT iso3, chain, item_code, weight FROM item) GROUP BY ALL
),
summed AS (
    SELECT iso3, chain, year,
        sum(weight) FILTER (supply_t IS NOT NULL) AS known_supply,
        sum(supply_t) AS supply_t,
        sum(production_t) FILTER (supply_t IS NOT NULL) AS production_t,
        sum(import_t) FILTER (supply_t IS NOT NULL) AS import_t,
        sum(weight) FILTER (export_t + production_t + import_t IS NOT NULL) AS known_export,
        sum(export_t) FILTER (production_t IS NOT NULL AND import_t IS NOT NULL)
            / nullif(sum(production_t + import_t) FILTER (export_t IS NOT NULL), 0) AS xor,
        sum(weight) FILTER (processing_t + production_t + import_t IS NOT NULL) AS known_processing,
        sum(processing_t) FILTER (production_t IS NOT NULL AND import_t IS NOT NULL)
            / nullif(sum(production_t + import_t) FILTER (processing_t IS NOT NULL), 0) AS retained_processing,
        CASE  -- one sign for the chain where its items agree; 0 fits either
            WHEN count(*) FILTER (ds_sign IS NULL) > 0 OR (min(ds_sign) = -1 AND max(ds_sign) = 1) THEN NULL
            ELSE coalesce(any_value(ds_sign) FILTER (ds_sign <> 0), 0)
        END AS ds_sign,
        bool_or(fbs_unbalanced) AS unbalanced
    FROM item GROUP BY ALL
),
balance AS (  -- missing where items of too little usual weight are known
    SELECT s.iso3, s.chain, s.year, s.ds_sign, s.unbalanced,
        coalesce(s.known_supply / nullif(u.usual, 0), (s.supply_t IS NOT NULL)::INTEGER) AS coverage,
        CASE WHEN coverage >= p.known_min THEN s.supply_t END AS supply_t,
        CASE WHEN coverage >= p.known_min THEN s.production_t END AS production_t,
        CASE WHEN coverage >= p.known_min THEN s.import_t END AS import_t,
        CASE WHEN s.known_export >= p.known_min * u.usual THEN s.xor END AS xor,
        CASE WHEN s.known_processing >= p.known_min * u.usual THEN s.retained_processing END AS retained_processing,
        coverage < p.known_min AS thin
    FROM summed s JOIN usual u USING (iso3, chain) CROSS JOIN p
),
calendar AS (
    SELECT unnest(generate_series(min(year), max(year)))::SMALLINT AS year FROM fact_production WHERE value IS NOT NULL
),
windowed AS (  -- a window ends in a year also where that year's balance is not out yet
    SELECT b.iso3, b.chain, y.year, sum(b.production_t ORDER BY b.year) / sum(b.supply_t ORDER BY b.year) AS ssr_w3
    FROM balance b CROSS JOIN p JOIN calendar y ON b.year BETWEEN y.year - p.span + 1 AND y.year
    WHERE b.production_t IS NOT NULL AND b.supply_t IS NOT NULL
    GROUP BY ALL
    HAVING count(*) >= any_value(p.min_years) AND sum(b.supply_t) > 0
),
diet AS (
    SELECT f.iso3, f.year, i.role, e.measure, f.value,
        avg(f.value) OVER own AS weight, count(*) OVER own AS n
    FROM fact_production f
    JOIN cat_fao_element e USING (dataset, element_code)
    JOIN cat_feed_item i ON i.item_code = f.item_code
    WHERE f.value IS NOT NULL AND (
        (e.measure = 'supply_feed' AND i.role IN ('feed', 'feed_grain'))
        OR (e.measure = 'supply_production' AND i.role IN ('feed_grain', 'meat', 'milk'))
    )
    WINDOW own AS (PARTITION BY f.iso3, f.item_code, e.measure)
),
part AS (  -- missing where items of too little usual weight are known
    SELECT iso3, year, part, CASE WHEN sum(weight) >= known_min * usual THEN sum(value) END AS value
    FROM (
        SELECT d.*, p.known_min,
            CASE measure WHEN 'supply_feed' THEN 'feed' ELSE role END AS part,
            sum(weight / n) OVER (PARTITION BY iso3, part) AS usual
        FROM diet d CROSS JOIN p
    ) GROUP BY iso3, year, part, usual, known_min
),
feed AS (
    SELECT iso3, year,
        any_value(value) FILTER (part = 'feed') AS feed_t,
        any_value(value) FILTER (part = 'feed_grain') AS grain_t,
        any_value(value) FILTER (part = 'milk') + any_value(value) FILTER (part = 'meat') AS output_t
    FROM part GROUP BY ALL
),
fed AS (
    SELECT f.iso3, l.chain_b AS chain, f.year, f.feed_t,
        f.feed_t / nullif(f.output_t, 0) AS feed_out,
        f.grain_t / nullif(f.feed_t, 0) AS feed_selfrel
    FROM feed f CROSS JOIN p JOIN cat_chain_link l ON l.chain_a = p.feed_chain AND l.link_type = 'feed'
)
SELECT
    iso3, chain, year, c.focus,
    b.supply_t,
    b.supply_t - b.import_t AS home_use_t,
    CASE WHEN b.supply_t > 0 THEN b.production_t / b.supply_t END AS ssr,
    w.ssr_w3,
    CASE WHEN b.supply_t > 0 THEN b.import_t / b.supply_t END AS idr,
    b.xor,
    b.retained_processing,
    b.ds_sign,
    b.unbalanced AS fbs_unbalanced,
    b.coverage AS coverage_balance,
    fed.feed_t,
    fed.feed_out,
    fed.feed_selfrel,
    concat_ws(
        ';',
        CASE WHEN b.unbalanced THEN 'fbs_unbalanced' END,
        CASE WHEN b.thin THEN 'known_balance_too_small' END,
        CASE WHEN b.supply_t > 0 AND b.import_t > b.supply_t THEN 'idr_above_one' END,
        CASE WHEN b.xor > 1 THEN 'xor_above_one' END,
        CASE WHEN b.retained_processing > 1 THEN 'processing_above_supply' END
    ) AS flag
FROM balance b FULL JOIN windowed w USING (iso3, chain, year) FULL JOIN fed USING (iso3, chain, year)
JOIN dim_country c USING (iso3)
