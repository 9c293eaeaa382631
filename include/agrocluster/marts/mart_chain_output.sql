-- What the farms of every chain give by country and year, from its items (mart_item_production).
-- Apart from mart_chain_production because the trade cells weigh exports against home output: trade comes after this.
-- Item aggregates of FAOSTAT never enter; a sum over items is missing when its known part carries too little weight,
-- each measure by its own usual weights (method 0.4).
WITH p AS (
    SELECT
        parameter('window_years')::INTEGER AS span,
        parameter('window_min_years') AS min_years,
        parameter('known_share_min') AS known_min,
        parameter('fao_leaf_item_max') AS leaf_max,
        parameter_text('agricultural_land_item') AS farm_land,
        parameter_text('pasture_item') AS pasture,
        parameter('volatility_years')::INTEGER AS vol_years,
        parameter('volatility_min_points') AS vol_points
),
item AS (FROM mart_item_production),
weighed AS (  -- weight of an item in a measure: its mean over all years known for the country
    SELECT i.*, avg(i.production_t) OVER own AS weight,
        avg(i.area_ha) OVER own AS area_weight,
        avg(i.stocks_head) OVER own AS herd_weight,
        avg(i.producing_animals) OVER own AS animals_weight,
        max(i.yield_kind) OVER own = 'carcass' AS for_meat,
        coalesce(flag.class, 'other') AS flag_class, flag.sigma,
        sum(i.production_t) OVER recent AS t1,
        sum(i.production_t) OVER earlier AS t0,
        count(i.production_t) OVER recent + count(i.production_t) OVER earlier = 2 * p.span AS balanced
    FROM item i CROSS JOIN p
    LEFT JOIN cat_fao_flag flag ON flag.flag = i.production_flag
    WINDOW
        own AS (PARTITION BY i.iso3, i.item_code),
        recent AS (PARTITION BY i.iso3, i.item_code ORDER BY i.year RANGE BETWEEN p.span - 1 PRECEDING AND CURRENT ROW),
        earlier AS (
            PARTITION BY i.iso3, i.item_code ORDER BY i.year
            RANGE BETWEEN 2 * p.span - 1 PRECEDING AND p.span PRECEDING
        )
),
full_weight AS (
    SELECT iso3, chain, sum(weight) AS weight, sum(area_weight) AS area, sum(herd_weight) AS herd,
        sum(animals_weight) AS animals, sum(animals_weight) FILTER (for_meat) AS slaughter
    FROM (
        SELECT DISTINCT iso3, chain, item_code, weight, area_weight, herd_weight, animals_weight, for_meat FROM weighed
    )
    GROUP BY ALL
),
tonnes AS (
    SELECT
        w.iso3, w.chain, w.year,
        sum(w.production_t) AS production_t,
        sum(w.weight) FILTER (w.production_t IS NOT NULL) AS known_weight,
        sum(w.area_ha) AS area_ha,
        sum(w.area_weight) FILTER (w.area_ha IS NOT NULL) AS known_area,
        sum(w.stocks_head) AS herd_head,
        sum(w.herd_weight) FILTER (w.stocks_head IS NOT NULL) AS known_herd,
        sum(w.producing_animals) AS producing_animals,
        sum(w.animals_weight) FILTER (w.producing_animals IS NOT NULL) AS known_animals,
        sum(w.producing_animals) FILTER (w.for_meat) AS slaughtered,
        sum(w.animals_weight) FILTER (w.for_meat AND w.producing_animals IS NOT NULL) AS known_slaughter,
        sum(w.live_export_head) AS live_exports, sum(w.live_import_head) AS live_imports,
        sum(w.production_t) FILTER (w.flag_class = 'official') AS official_t,
        sum(w.production_t) FILTER (w.flag_class = 'estimated') AS estimated_t,
        sum(w.production_t) FILTER (w.flag_class = 'imputed') AS imputed_t,
        sum(w.production_t * w.sigma) / nullif(sum(w.production_t) FILTER (w.sigma IS NOT NULL), 0) AS sigma,
        sum(w.t1) FILTER (w.balanced) AS t1,
        sum(w.t0) FILTER (w.balanced) AS t0,
        sum(w.weight) FILTER (w.balanced) AS balanced_weight
    FROM weighed w GROUP BY ALL
),
lead AS (  -- the item that stands for the chain in a country and year, by value, else by tonnage
    SELECT iso3, chain, year,
        first(item_code ORDER BY rank) AS item_code, first(item ORDER BY rank) AS item,
        first(yield_kind ORDER BY rank) AS yield_kind, first(yield_unit ORDER BY rank) AS yield_unit,
        first(yield ORDER BY rank) AS yield, first(yield_w3 ORDER BY rank) AS yield_w3,
        first(yield_ref_a ORDER BY rank) AS yield_ref_a, first(yield_gap ORDER BY rank) AS yield_gap,
        first(yield_gap_w3 ORDER BY rank) AS yield_gap_w3, first(n_peers ORDER BY rank) AS n_peers,
        min_by(yield, rank) FILTER (yield_kind = 'milk') AS milk_yield_kg,
        min_by(yield, rank) FILTER (yield_kind = 'egg') AS egg_yield_kg,
        min_by(yield, rank) FILTER (yield_kind = 'carcass') AS carcass_yield_kg
    FROM (
        SELECT i.*, row_number() OVER (
            PARTITION BY iso3, chain, year
            ORDER BY sum_gpv DESC NULLS LAST, sum_t DESC NULLS LAST, item_code
        ) AS rank
        FROM (
            SELECT item.*,
                sum(gpv_intl_usd) OVER win AS sum_gpv, sum(production_t) OVER win AS sum_t
            FROM item, p WHERE role = 'output'
            WINDOW win AS (PARTITION BY iso3, item_code ORDER BY year RANGE BETWEEN p.span - 1 PRECEDING AND CURRENT ROW)
        ) i
        WHERE yield IS NOT NULL
    ) GROUP BY ALL
),
valued AS (
    SELECT f.iso3, f.year, f.item_code, f.value, e.measure, code.chain
    FROM fact_production f
    JOIN cat_fao_element e USING (dataset, element_code)
    JOIN p ON try_cast(f.item_code AS INTEGER) <= p.leaf_max
    LEFT JOIN cat_chain_code code
        ON code.system = 'FAO' AND code.code = f.item_code AND code.role = 'own' AND code.domains LIKE '%QV%'
    WHERE e.measure IN ('gpv', 'gpv_usd') AND f.value IS NOT NULL
),
value_item AS (
    SELECT *, avg(value) OVER (PARTITION BY iso3, item_code) AS weight FROM valued WHERE measure = 'gpv'
),
usual_value AS (
    SELECT iso3, chain, sum(weight) AS weight
    FROM (SELECT DISTINCT iso3, chain, item_code, weight FROM value_item) GROUP BY ALL
),
value_sum AS (  -- of every chain and, without chain, of what is in none
    SELECT iso3, chain, year, sum(value) AS value, sum(weight) AS known FROM value_item GROUP BY ALL
),
gpv AS (
    SELECT v.iso3, v.chain, v.year, coalesce(v.known / nullif(u.weight, 0), 1) AS known_value,
        CASE WHEN known_value >= p.known_min THEN v.value END AS gpv
    FROM value_sum v JOIN usual_value u USING (iso3, chain) CROSS JOIN p
),
gpv_country AS (
    SELECT iso3, year, CASE WHEN sum(v.known) >= any_value(p.known_min * u.weight) THEN sum(v.value) END AS gpv_c
    FROM value_sum v JOIN (SELECT iso3, sum(weight) AS weight FROM usual_value GROUP BY iso3) u USING (iso3), p
    GROUP BY ALL
),
gpv_world AS (
    SELECT chain, year, CASE WHEN sum(v.known) >= any_value(p.known_min * u.weight) THEN sum(v.value) END AS gpv_wh
    FROM value_sum v JOIN (SELECT chain, sum(weight) AS weight FROM usual_value GROUP BY chain) u USING (chain), p
    GROUP BY ALL
),
gpv_all AS (
    SELECT year, CASE WHEN sum(v.known) >= any_value(p.known_min * u.weight) THEN sum(v.value) END AS gpv_w
    FROM value_sum v, (SELECT sum(weight) AS weight FROM usual_value) u, p
    GROUP BY ALL
),
calendar AS (
    SELECT unnest(generate_series(min(year), max(year)))::SMALLINT AS year FROM fact_production WHERE value IS NOT NULL
),
value_line AS (  -- every year of the calendar: a window ends in a year also where that year's value is not out yet
    SELECT k.iso3, k.chain, y.year, g.gpv, g.known_value, nullif(c.gpv_c, 0) AS gpv_c, w.gpv_wh, a.gpv_w,
        g.gpv IS NOT NULL AND c.gpv_c > 0 AND w.gpv_wh IS NOT NULL AND a.gpv_w IS NOT NULL AS known
    FROM (SELECT DISTINCT iso3, chain FROM gpv) k CROSS JOIN calendar y
    LEFT JOIN gpv g ON g.iso3 = k.iso3 AND g.chain = k.chain AND g.year = y.year
    LEFT JOIN gpv_country c ON c.iso3 = k.iso3 AND c.year = y.year
    LEFT JOIN gpv_world w ON w.chain = k.chain AND w.year = y.year
    LEFT JOIN gpv_all a ON a.year = y.year
),
quotient AS (
    SELECT v.*,
        sum(gpv) FILTER (known) OVER win AS sg, sum(gpv_c) FILTER (known) OVER win AS sc,
        sum(gpv_wh) FILTER (known) OVER win AS swh, sum(gpv_w) FILTER (known) OVER win AS sw,
        count(*) FILTER (known) OVER win >= p.min_years AS enough,
        (gpv / gpv_c) / nullif(gpv_wh / gpv_w, 0) AS plq
    FROM value_line v CROSS JOIN p
    WINDOW win AS (PARTITION BY iso3, chain ORDER BY year RANGE BETWEEN p.span - 1 PRECEDING AND CURRENT ROW)
),
gpv_now AS (  -- in current dollars, to stand beside trade of the year
    SELECT iso3, chain, year, CASE WHEN sum(weight) >= p.known_min * usual THEN sum(value) END AS gpv_usd
    FROM (
        SELECT v.*, sum(weight / n) OVER (PARTITION BY iso3, chain) AS usual FROM (
            SELECT *, avg(value) OVER own AS weight, count(*) OVER own AS n
            FROM valued WHERE measure = 'gpv_usd' WINDOW own AS (PARTITION BY iso3, item_code)
        ) v
    ), p
    WHERE chain IS NOT NULL GROUP BY iso3, chain, year, usual, p.known_min
),
units AS (  -- density as published, else units over farm land
    SELECT f.iso3, i.chain, f.year,
        sum(f.value) FILTER (e.measure = 'lsu') AS lsu,
        sum(f.value) FILTER (e.measure = 'lsu_density') AS density
    FROM fact_production f
    JOIN cat_fao_element e USING (dataset, element_code)
    JOIN cat_production_item i ON i.item_code = f.item_code AND i.role = 'lsu'
    WHERE e.measure IN ('lsu', 'lsu_density') AND f.value IS NOT NULL GROUP BY ALL
),
land AS (
    SELECT f.iso3, f.year,
        max(f.value) FILTER (f.item_code = p.farm_land) AS farm_ha,
        max(f.value) FILTER (f.item_code = p.pasture) AS pasture_ha
    FROM fact_production f JOIN cat_fao_element e USING (dataset, element_code) CROSS JOIN p
    WHERE e.measure = 'land' GROUP BY ALL
),
key AS (  -- the focus countries with every chain and year, the others where something is known
    SELECT c.iso3, ch.chain, y.year FROM dim_country c CROSS JOIN dim_chain ch CROSS JOIN calendar y WHERE c.focus
    UNION SELECT iso3, chain, year FROM tonnes
    UNION SELECT iso3, chain, year FROM quotient WHERE known_value IS NOT NULL OR enough
),
regime AS (SELECT iso3, chain, min(flag) AS regime FROM cat_caveat WHERE kind = 'regime' GROUP BY ALL),
told AS (
    SELECT iso3, chain, year, t.* EXCLUDE (iso3, chain, year, production_t, area_ha, herd_head, producing_animals),
        t.production_t AS known_t,
        CASE WHEN t.known_weight >= p.known_min * fw.weight OR fw.weight = 0 THEN t.production_t END AS production_t,
        CASE WHEN t.known_area >= p.known_min * fw.area THEN t.area_ha END AS area_ha,
        CASE WHEN t.known_herd >= p.known_min * fw.herd THEN t.herd_head END AS herd_head,
        CASE WHEN t.known_animals >= p.known_min * fw.animals THEN t.producing_animals END AS producing_animals,
        CASE WHEN t.known_slaughter >= p.known_min * fw.slaughter THEN t.slaughtered END AS slaughtered_head,
        fw.weight, fw.area, fw.herd, fw.animals
    FROM tonnes t JOIN full_weight fw USING (iso3, chain) CROSS JOIN p
),
moved AS (
    SELECT iso3, chain, year,
        CASE WHEN production_t > 0 AND lag(production_t) OVER line > 0 AND lag(year) OVER line = year - 1
            THEN ln(production_t / lag(production_t) OVER line) END AS change
    FROM told WINDOW line AS (PARTITION BY iso3, chain ORDER BY year)
),
swing AS (
    SELECT iso3, chain, year,
        CASE WHEN count(change) OVER win >= p.vol_points THEN stddev_samp(change) OVER win END AS vol_p
    FROM moved CROSS JOIN p
    WINDOW win AS (PARTITION BY iso3, chain ORDER BY year RANGE BETWEEN p.vol_years - 1 PRECEDING AND CURRENT ROW)
)
SELECT
    k.iso3, k.chain, k.year, c.focus, c.panel,
    t.production_t,
    t.area_ha,
    t.herd_head,
    t.producing_animals,
    t.slaughtered_head,
    t.slaughtered_head / nullif(t.herd_head, 0) AS offtake,
    (t.slaughtered_head + t.live_exports - t.live_imports) / nullif(t.herd_head, 0) AS offtake_net,
    u.lsu,
    coalesce(u.density, u.lsu / nullif(land.farm_ha, 0)) AS lsu_ha,
    u.lsu / nullif(land.pasture_ha, 0) AS lsu_ha_pasture,
    l.item_code AS yield_item_code,
    l.item AS yield_item,
    l.yield_kind,
    l.yield_unit,
    l.yield,
    l.yield_w3,
    l.yield_ref_a,
    NULL::DOUBLE AS yield_ref_b,
    NULL::DOUBLE AS yield_ref_c,
    l.n_peers AS n_yield_peers,
    l.yield_gap,
    l.yield_gap_w3,
    l.milk_yield_kg,
    l.egg_yield_kg,
    l.carcass_yield_kg,
    q.gpv AS gpv_intl_usd,
    now.gpv_usd,
    q.gpv_c AS gpv_country_usd,
    q.gpv_wh AS gpv_chain_world_usd,
    q.gpv_w AS gpv_world_usd,
    q.gpv / q.gpv_c AS gpv_share,
    CASE WHEN q.enough THEN q.sg / q.sc END AS gpv_share_w3,
    q.plq,
    CASE WHEN q.enough THEN (q.sg / q.sc) / nullif(q.swh / q.sw, 0) END AS plq_w3,
    CASE WHEN t.balanced_weight >= p.known_min * t.weight AND t.t1 > 0 AND t.t0 > 0
        THEN ln(t.t1 / t.t0) / p.span END AS growth_production,
    swing.vol_p,
    coalesce(t.official_t, 0) / nullif(t.known_t, 0) AS share_official,
    coalesce(t.estimated_t, 0) / nullif(t.known_t, 0) AS share_estimated,
    coalesce(t.imputed_t, 0) / nullif(t.known_t, 0) AS share_imputed,
    t.sigma AS sigma_production,
    regime.regime,
    coalesce(t.known_weight / nullif(t.weight, 0), 0) AS coverage,
    t.known_area / nullif(t.area, 0) AS coverage_area,
    t.known_herd / nullif(t.herd, 0) AS coverage_herd,
    t.known_animals / nullif(t.animals, 0) AS coverage_animals,
    q.known_value AS coverage_gpv,
    concat_ws(
        ';',
        CASE WHEN t.known_t IS NULL THEN 'no_source' END,
        CASE WHEN t.known_weight < p.known_min * t.weight THEN 'known_part_too_small' END,
        CASE WHEN t.known_area < p.known_min * t.area THEN 'known_area_too_small' END,
        CASE WHEN t.known_herd < p.known_min * t.herd THEN 'known_herd_too_small' END,
        CASE WHEN t.known_animals < p.known_min * t.animals THEN 'known_animals_too_small' END,
        CASE WHEN q.known_value < p.known_min THEN 'known_value_too_small' END,
        CASE WHEN t.known_t > 0 AND l.yield IS NULL THEN 'no_yield_base' END,
        CASE WHEN l.yield IS NOT NULL AND l.yield_gap_w3 IS NULL THEN 'yield_not_compared' END,
        CASE WHEN t.t0 = 0 AND t.t1 > 0 THEN 'entry' WHEN t.t0 > 0 AND t.t1 = 0 THEN 'exit' END,
        regime.regime
    ) AS flag
FROM key k
CROSS JOIN p
JOIN dim_country c USING (iso3)
LEFT JOIN told t USING (iso3, chain, year)
LEFT JOIN swing USING (iso3, chain, year)
LEFT JOIN lead l USING (iso3, chain, year)
LEFT JOIN quotient q USING (iso3, chain, year)
LEFT JOIN gpv_now now USING (iso3, chain, year)
LEFT JOIN units u USING (iso3, chain, year)
LEFT JOIN land USING (iso3, year)
LEFT JOIN regime USING (iso3, chain)
