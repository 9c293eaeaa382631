-- How home output, imports and use of a chain stand to each other, and what the country's animals eat, from food balances.
-- Feed is known for a country, not for an animal: chains that feed_grains feeds (chain links) carry the country's figure.
WITH p AS (
    SELECT
        parameter('known_share_min') AS known_min,
        parameter_text('feed_chain') AS feed_chain
),
balance AS (
    SELECT iso3, chain, year,
        sum(supply_t) AS supply_t,
        sum(production_t) FILTER (supply_t IS NOT NULL) AS production_t,
        sum(import_t) FILTER (supply_t IS NOT NULL) AS import_t,
        sum(export_t) FILTER (production_t IS NOT NULL AND import_t IS NOT NULL)
            / nullif(sum(production_t + import_t) FILTER (export_t IS NOT NULL), 0) AS xor,
        sum(processing_t) FILTER (production_t IS NOT NULL AND import_t IS NOT NULL)
            / nullif(sum(production_t + import_t) FILTER (processing_t IS NOT NULL), 0) AS retained_processing,
        CASE  -- one sign for the chain where its items agree; 0 fits either
            WHEN count(*) FILTER (ds_sign IS NULL) > 0 OR (min(ds_sign) = -1 AND max(ds_sign) = 1) THEN NULL
            ELSE coalesce(any_value(ds_sign) FILTER (ds_sign <> 0), 0)
        END AS ds_sign,
        bool_or(fbs_unbalanced) AS unbalanced
    FROM mart_food_balance GROUP BY ALL
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
    CASE WHEN b.supply_t > 0 THEN b.import_t / b.supply_t END AS idr,
    b.xor,
    b.retained_processing,
    b.ds_sign,
    b.unbalanced AS fbs_unbalanced,
    fed.feed_t,
    fed.feed_out,
    fed.feed_selfrel,
    concat_ws(
        ';',
        CASE WHEN b.unbalanced THEN 'fbs_unbalanced' END,
        CASE WHEN b.supply_t > 0 AND b.import_t > b.supply_t THEN 'idr_above_one' END,
        CASE WHEN b.xor > 1 THEN 'xor_above_one' END,
        CASE WHEN b.retained_processing > 1 THEN 'processing_above_supply' END
    ) AS flag
FROM balance b FULL JOIN fed USING (iso3, chain, year)
JOIN dim_country c USING (iso3)
