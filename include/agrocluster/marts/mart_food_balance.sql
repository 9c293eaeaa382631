-- Food balances of the chains' items: which sign stock variation carries is tested per row, never assumed.
WITH p AS (SELECT parameter('fbs_tolerance') AS tolerance),
wide AS (
    SELECT
        f.iso3, i.chain, f.item_code, max(f.item) AS item, f.year,
        max(f.value) FILTER (e.measure = 'supply_production') AS production_t,
        max(f.value) FILTER (e.measure = 'supply_import') AS import_t,
        max(f.value) FILTER (e.measure = 'supply_export') AS export_t,
        max(f.value) FILTER (e.measure = 'supply_stock') AS stock_variation_t,
        max(f.value) FILTER (e.measure = 'supply_domestic') AS domestic_supply_t,
        max(f.value) FILTER (e.measure = 'supply_feed') AS feed_t,
        max(f.value) FILTER (e.measure = 'supply_processing') AS processing_t
    FROM fact_production f
    JOIN cat_fao_element e USING (dataset, element_code)
    JOIN cat_production_item i ON i.item_code = f.item_code AND i.role = 'balance'
    WHERE f.dataset = 'fbs' AND f.value IS NOT NULL
    GROUP BY ALL
),
tested AS (
    SELECT *,
        production_t + import_t - export_t AS flow,
        abs(flow - coalesce(stock_variation_t, 0) - domestic_supply_t) <= tolerance * abs(domestic_supply_t) AS minus_fits,
        abs(flow + coalesce(stock_variation_t, 0) - domestic_supply_t) <= tolerance * abs(domestic_supply_t) AS plus_fits
    FROM wide, p
),
signed AS (
    SELECT *,
        CASE
            WHEN minus_fits AND plus_fits THEN 0
            WHEN minus_fits THEN -1
            WHEN plus_fits THEN 1
        END AS ds_sign,
        flow + ds_sign * coalesce(stock_variation_t, 0) AS supply_t
    FROM tested
)
SELECT
    s.iso3, s.chain, s.item_code, s.item, s.year, c.focus,
    s.production_t, s.import_t, s.export_t, s.stock_variation_t, s.domestic_supply_t,
    s.feed_t, s.processing_t,
    s.ds_sign,
    CASE WHEN s.flow IS NOT NULL AND s.domestic_supply_t IS NOT NULL THEN s.ds_sign IS NULL END AS fbs_unbalanced,
    s.supply_t,
    CASE WHEN s.supply_t > 0 THEN s.production_t / s.supply_t END AS ssr,
    CASE WHEN s.supply_t > 0 THEN s.import_t / s.supply_t END AS idr
FROM signed s JOIN dim_country c USING (iso3)
