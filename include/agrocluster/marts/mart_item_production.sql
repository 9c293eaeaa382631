-- Production, yield and yield reference of every farm item that measures a chain's output, and its herds.
WITH p AS (
    SELECT
        parameter('window_years')::INTEGER AS span,
        parameter('window_min_years') AS min_years,
        parameter('yield_ref_quantile') AS ref_quantile,
        parameter('yield_ref_years')::INTEGER AS ref_years,
        parameter('yield_ref_min_peers') AS min_peers,
        parameter('known_share_min') AS known_min,
        parameter('yield_min_area_ha') AS min_area,
        parameter('yield_min_animals') AS min_animals
),
observed AS (
    SELECT f.iso3, i.chain, i.role, f.item_code, f.item, f.year, e.measure, e.yield_kind, f.value, f.flag, f.dataset
    FROM fact_production f
    JOIN cat_fao_element e USING (dataset, element_code)
    JOIN cat_production_item i ON i.item_code = f.item_code AND i.role IN ('output', 'herd')
    WHERE f.value IS NOT NULL AND e.measure NOT IN ('lsu', 'gpv_usd')
),
wide AS (
    SELECT
        iso3, chain, role, item_code, year,
        coalesce(max(item) FILTER (dataset = 'qcl'), max(item)) AS item,
        max(value) FILTER (measure = 'production' AND role = 'output') AS production_t,
        max(flag) FILTER (measure = 'production' AND role = 'output') AS production_flag,
        max(value) FILTER (measure = 'area') AS area_ha,
        max(value) FILTER (measure = 'producing_animals') AS producing_animals,
        max(value) FILTER (measure = 'stocks' AND role = 'herd') AS stocks,
        max(yield_kind) FILTER (measure IN ('area', 'producing_animals')) AS yield_kind,
        max(value) FILTER (measure = 'gpv') AS gpv_intl_usd,
        max(value) FILTER (measure = 'price') AS pp_usd_t,
        max(value) FILTER (measure = 'live_export') AS live_export_head,
        max(value) FILTER (measure = 'live_import') AS live_import_head
    FROM observed GROUP BY ALL HAVING bool_or(measure NOT IN ('live_export', 'live_import'))
),
based AS (  -- area for crops, animals for the rest; tonnes count only with the base they were grown on
    SELECT *,
        coalesce(area_ha, producing_animals) AS raw_base,
        CASE WHEN raw_base > 0 AND production_t IS NOT NULL THEN raw_base END AS base,
        CASE WHEN base IS NOT NULL THEN production_t END AS based_t,
        CASE yield_kind WHEN 'crop' THEN 1 ELSE 1000 END AS per_t
    FROM wide
),
summed AS (
    SELECT based.*, p.min_years, p.ref_quantile, p.min_peers, p.known_min * p.ref_years AS ref_min_years,
        CASE yield_kind WHEN 'crop' THEN p.min_area ELSE p.min_animals END AS min_base,
        sum(based_t) OVER w3 AS t3, sum(base) OVER w3 AS b3, count(base) OVER w3 AS n3,
        sum(based_t) OVER w5 AS t5, sum(base) OVER w5 AS b5, count(base) OVER w5 AS n5
    FROM based, p
    WINDOW
        w3 AS (PARTITION BY iso3, item_code ORDER BY year RANGE BETWEEN p.span - 1 PRECEDING AND CURRENT ROW),
        w5 AS (PARTITION BY iso3, item_code ORDER BY year RANGE BETWEEN p.ref_years - 1 PRECEDING AND CURRENT ROW)
),
peers AS (  -- ratios of sums (method 0.3), each over at least the known share of the five years (0.4)
    SELECT item_code, year, list_sort(list(per_t * t5 / b5)) AS yields, (count(*) - 1) * any_value(ref_quantile) AS spot
    FROM summed
    WHERE iso3 IN (SELECT iso3 FROM dim_country WHERE yield_peer) AND n5 >= ref_min_years AND b5 / n5 >= min_base
    GROUP BY ALL
),
peer AS (  -- quantile_cont by hand, because its quantile cannot come from a table
    SELECT item_code, year, len(yields) AS n_peers,
        yields[floor(spot)::INTEGER + 1]
            + (spot - floor(spot)) * (yields[ceil(spot)::INTEGER + 1] - yields[floor(spot)::INTEGER + 1]) AS yield_ref
    FROM peers
)
SELECT
    s.iso3, s.chain, s.role, s.item_code, s.item, s.year, c.focus,
    s.production_t, s.production_flag, s.area_ha, s.producing_animals, s.stocks AS stocks_head,
    s.yield_kind,
    CASE s.yield_kind WHEN 'crop' THEN 't/ha' ELSE CASE WHEN s.yield_kind IS NOT NULL THEN 'kg/head' END END AS yield_unit,
    s.per_t * s.based_t / s.base AS yield,
    CASE WHEN s.n3 >= s.min_years THEN s.per_t * s.t3 / s.b3 END AS yield_w3,
    CASE WHEN peer.n_peers >= s.min_peers THEN peer.yield_ref END AS yield_ref_a,
    coalesce(peer.n_peers, 0) AS n_peers,
    CASE WHEN s.base >= s.min_base AND peer.n_peers >= s.min_peers AND peer.yield_ref > 0
        THEN greatest(0, 1 - s.per_t * s.based_t / s.base / peer.yield_ref) END AS yield_gap,
    CASE WHEN s.n3 >= s.min_years AND s.b3 / s.n3 >= s.min_base AND peer.n_peers >= s.min_peers AND peer.yield_ref > 0
        THEN greatest(0, 1 - s.per_t * s.t3 / s.b3 / peer.yield_ref) END AS yield_gap_w3,
    s.gpv_intl_usd,
    s.pp_usd_t,
    s.live_export_head,
    s.live_import_head
FROM summed s
JOIN dim_country c USING (iso3)
LEFT JOIN peer USING (item_code, year)
