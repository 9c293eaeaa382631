-- What a chain earns and pays: value added by processing, value lost unprocessed, imports in its place, prices, swings.
-- Unit values rest on flows with a weight in BACI, converted ones included; a multiple whose path is too thin is unknown.
-- BACI is FOB. Importers pay freight: it comes from the cells of mart_trade_cell where these hold enough of the imports.
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter_text('flow_variant') AS flow_variant,
        parameter('known_share_min') AS known_min,
        parameter('window_years')::INTEGER AS span,
        parameter('window_min_years') AS min_years,
        parameter('thin_market_country_usd') AS thin,
        parameter('input_years')::INTEGER AS input_years,
        parameter('input_min_gpv_usd') AS input_min_gpv,
        parameter('access_export_landlocked') AS landlocked_cost,
        parameter('access_export_coastal') AS coastal_cost,
        parameter('access_import') AS import_cost,
        parameter('cif_flat') AS flat_freight,
        parameter('nrp_lite_max_confidence') AS nrp_cap,
        parameter_text('official_rate_country') AS rate_country,
        parameter('official_rate_last_year') AS rate_year,
        parameter('volatility_years')::INTEGER AS vol_years,
        parameter('volatility_min_points') AS vol_points
),
flow AS (  -- world totals of exporters and of importers
    SELECT f.exporter, f.importer, f.hs_code, f.year, f.value_usd,
        CASE WHEN f.net_kg > 0 AND f.flag = '' THEN f.value_usd END AS weighed,
        CASE WHEN f.net_kg > 0 AND f.flag = '' THEN f.net_kg END AS kg
    FROM fact_trade f JOIN p ON f.hs_edition = p.hs_edition AND f.flow_variant = p.flow_variant
    WHERE f.value_usd IS NOT NULL AND (f.importer = 'WLD') <> (f.exporter = 'WLD')
),

-- Value-addition multiple: what processed exports fetch over what the primary product in them would have fetched.
sub_year AS (
    SELECT f.exporter AS iso3, d.chain, d.sub, f.year,
        sum(f.value_usd) AS v, sum(f.weighed) AS weighed, sum(f.kg) AS kg
    FROM flow f JOIN p ON f.importer = 'WLD'
    JOIN dim_product d ON d.hs_code = f.hs_code AND d.hs_edition = p.hs_edition AND d.role IN ('own', 'dual')
    JOIN (
        SELECT chain, processed_sub AS sub FROM cat_extraction UNION SELECT chain, primary_sub FROM cat_extraction
    ) used ON used.chain = d.chain AND used.sub = d.sub
    WHERE d.stage IN ('primary', 'processed')
    GROUP BY ALL
),
sub_all AS (
    FROM sub_year UNION ALL
    SELECT 'WLD', chain, sub, year, sum(v), sum(weighed), sum(kg) FROM sub_year GROUP BY chain, sub, year
),
calendar AS (SELECT DISTINCT year FROM sub_year),
sub_window AS (
    SELECT s.iso3, s.chain, s.sub, y.year, w.span,
        CASE WHEN sum(s.v) >= any_value(p.thin) AND sum(s.weighed) >= any_value(p.known_min) * sum(s.v)
            THEN sum(s.weighed) / sum(s.kg) END AS uv,
        sum(s.v) AS v
    FROM sub_all s CROSS JOIN p
    CROSS JOIN (SELECT 1 AS span UNION SELECT span FROM p) w
    JOIN calendar y ON s.year BETWEEN y.year - w.span + 1 AND y.year
    GROUP BY ALL
),
multiple AS (  -- over the paths of a chain: value over the primary value it took; of one path UV_processed * e / UV_primary
    SELECT made.iso3, made.chain, made.year, made.span,
        CASE WHEN sum(made.v) FILTER (made.uv * raw.uv > 0) >= any_value(p.known_min) * sum(made.v)
            THEN sum(made.v) FILTER (made.uv * raw.uv > 0)
                / sum(made.v / made.uv / e.extraction * raw.uv) FILTER (made.uv * raw.uv > 0)
        END AS vam
    FROM cat_extraction e
    JOIN sub_window made ON made.chain = e.chain AND made.sub = e.processed_sub
    LEFT JOIN sub_window raw ON raw.iso3 = made.iso3 AND raw.chain = made.chain AND raw.sub = e.primary_sub
        AND raw.year = made.year AND raw.span = made.span
    CROSS JOIN p
    GROUP BY ALL
),

-- Prices: the item that stands for the chain against the border price of the goods it crosses borders as.
link AS (  -- item to codes; one tonne of item holds product_per_item tonnes of them
    SELECT c.chain, c.code AS item_code, unnest(string_split(c.fao_hs12, '+')) AS hs_code, 1.0 AS product_per_item
    FROM cat_chain_code c
    WHERE c.system = 'FAO' AND c.role = 'own' AND c.fao_hs12 IS NOT NULL
        AND c.code NOT IN (SELECT item_code FROM cat_border_product)
    UNION ALL
    SELECT c.chain, b.item_code, b.hs_code, b.product_per_item
    FROM cat_border_product b JOIN cat_chain_code c ON c.system = 'FAO' AND c.code = b.item_code AND c.role = 'own'
),
price AS (
    SELECT iso3, chain, year, arg_max(pp_usd_t, (production_t, item_code)) AS pp_usd_t,
        arg_max(item_code, (production_t, item_code)) AS pp_item_code
    FROM mart_item_production
    WHERE role = 'output' AND pp_usd_t IS NOT NULL AND production_t IS NOT NULL GROUP BY ALL
),
item_trade AS (
    SELECT l.chain, l.item_code, f.exporter, f.importer, f.year, any_value(l.product_per_item) AS product_per_item,
        sum(f.value_usd) AS v, sum(f.weighed) AS weighed, sum(f.kg) AS kg
    FROM flow f JOIN link l USING (hs_code) GROUP BY ALL
),
world_price AS (
    SELECT chain, item_code, year,
        CASE WHEN sum(weighed) >= any_value(p.known_min) * sum(v)
            THEN 1000 * any_value(product_per_item) * sum(weighed) / sum(kg) END AS uv_t
    FROM item_trade CROSS JOIN p WHERE importer = 'WLD' GROUP BY ALL
),
own_border AS (  -- net exporters sell at the border, net importers buy there
    SELECT iso3, chain, item_code, year,
        CASE WHEN coalesce(x.v, 0) >= coalesce(m.v, 0) THEN 'export' ELSE 'import' END AS side,
        CASE side WHEN 'export' THEN x.v ELSE m.v END AS v,
        CASE side WHEN 'export' THEN x.weighed ELSE m.weighed END AS weighed,
        CASE side WHEN 'export' THEN x.kg ELSE m.kg END AS kg,
        coalesce(x.product_per_item, m.product_per_item) AS product_per_item
    FROM (SELECT exporter AS iso3, * FROM item_trade WHERE importer = 'WLD') x
    FULL JOIN (SELECT importer AS iso3, * FROM item_trade WHERE exporter = 'WLD') m
        USING (iso3, chain, item_code, year)
),
paid AS (  -- freight on what the importer declares with it; imports published FOB tell none
    SELECT c.importer AS iso3, l.chain, l.item_code, c.year,
        sum(c.m_mirror_cif_usd ORDER BY c.exporter, c.hs_code) AS cif,
        sum(c.m_mirror_fob_usd ORDER BY c.exporter, c.hs_code) AS fob
    FROM mart_trade_cell c JOIN p USING (hs_edition) JOIN link l USING (hs_code)
    WHERE c.tau_basis <> 'fob' AND c.m_mirror_fob_usd > 0 GROUP BY ALL
),
border AS (
    SELECT o.iso3, o.chain, o.item_code, o.year, o.side, o.weighed / o.v AS known_share,
        CASE WHEN o.side = 'import' THEN CASE WHEN f.fob >= p.known_min * o.v THEN 'cells' ELSE 'flat' END END
            AS freight_basis,
        CASE freight_basis WHEN 'cells' THEN f.cif / f.fob - 1 WHEN 'flat' THEN p.flat_freight END AS freight,
        CASE WHEN o.v >= p.thin AND o.weighed >= p.known_min * o.v
            THEN 1000 * o.product_per_item * o.weighed / o.kg * (1 + coalesce(freight, 0)) END AS border_usd_t,
        CASE WHEN o.side = 'import' THEN 1 + p.import_cost
            WHEN g.landlocked THEN 1 - p.landlocked_cost ELSE 1 - p.coastal_cost END AS to_farm
    FROM own_border o CROSS JOIN p LEFT JOIN cat_geography g USING (iso3)
    LEFT JOIN paid f USING (iso3, chain, item_code, year)
),
priced AS (
    SELECT pr.*, b.side AS nrp_basis, b.freight, b.freight_basis, b.border_usd_t, b.border_usd_t * b.to_farm AS reference_usd_t, b.known_share,
        pr.pp_usd_t / nullif(w.uv_t * (1 - CASE WHEN g.landlocked THEN p.landlocked_cost ELSE p.coastal_cost END), 0)
            AS pr_ratio,
        pr.iso3 = p.rate_country AND pr.year <= p.rate_year AS official_rate
    FROM price pr CROSS JOIN p
    LEFT JOIN world_price w ON w.chain = pr.chain AND w.item_code = pr.pp_item_code AND w.year = pr.year
    LEFT JOIN border b ON b.iso3 = pr.iso3 AND b.chain = pr.chain AND b.item_code = pr.pp_item_code AND b.year = pr.year
    LEFT JOIN cat_geography g ON g.iso3 = pr.iso3
),

-- Trade of the chain by stage, and what stands beside it at home.
traded AS (
    SELECT iso3, chain, year,
        any_value(focus) AS focus,
        any_value(dpr) FILTER (stage = 'total') AS dpr,
        any_value(ui) FILTER (stage = 'total') AS ui,
        any_value(n_years_w3) FILTER (stage = 'total') AS n_years,
        any_value(exports_usd) FILTER (stage = 'primary') AS x_primary,
        any_value(exports_usd) FILTER (stage = 'total') AS x,
        any_value(uv) FILTER (stage = 'total') AS uv,
        sum(imports_usd) FILTER (stage IN ('processed', 'final')) AS m_made,
        any_value(imports_usd) FILTER (stage = 'input') AS m_input
    FROM mart_chain_trade GROUP BY ALL
),
beside AS (
    SELECT t.*, o.gpv_usd, pr.* EXCLUDE (iso3, chain, year), b.home_use_t,
        if(b.home_use_t < 0, 0, b.home_use_t) * pr.pp_usd_t AS home_use_usd,
        CASE WHEN lag(t.year) OVER line = t.year - 1 AND t.x > 0 AND lag(t.x) OVER line > 0
            THEN ln(t.x / lag(t.x) OVER line) END AS dx,
        CASE WHEN lag(t.year) OVER line = t.year - 1 AND t.uv > 0 AND lag(t.uv) OVER line > 0
            THEN ln(t.uv / lag(t.uv) OVER line) END AS duv,
        world.vam AS vam_world,
        t.x_primary * if(world.vam < 1, 0, world.vam - 1) AS processing_gap_usd,
        CASE WHEN o.gpv_usd IS NOT NULL THEN t.m_input END AS m_beside,
        CASE WHEN t.m_input IS NOT NULL THEN o.gpv_usd END AS gpv_beside
    FROM traded t
    LEFT JOIN mart_chain_output o USING (iso3, chain, year)
    LEFT JOIN mart_chain_balance b USING (iso3, chain, year)
    LEFT JOIN priced pr USING (iso3, chain, year)
    LEFT JOIN multiple world ON world.iso3 = 'WLD' AND world.chain = t.chain AND world.year = t.year AND world.span = 1
    WINDOW line AS (PARTITION BY t.iso3, t.chain ORDER BY t.year)
),
windowed AS (
    SELECT b.*,
        count(gpv_beside) OVER input_win >= p.known_min * p.input_years AS input_known,
        input_known AND avg(gpv_beside) OVER input_win < p.input_min_gpv AS input_base_small,
        CASE WHEN input_known AND NOT input_base_small
            THEN sum(m_beside) OVER input_win / nullif(sum(gpv_beside) OVER input_win, 0) END AS input_dependence,
        CASE WHEN count(processing_gap_usd) OVER win >= p.min_years
            AND sum(x_primary) FILTER (processing_gap_usd IS NOT NULL) OVER win >= p.known_min * sum(x_primary) OVER win
            THEN sum(processing_gap_usd) OVER win END AS processing_gap_usd_w3,
        CASE WHEN count(m_made + home_use_usd) OVER win >= p.min_years
            AND sum(m_made) FILTER (home_use_usd IS NOT NULL) OVER win >= p.known_min * sum(m_made) OVER win
            THEN sum(m_made) FILTER (home_use_usd IS NOT NULL) OVER win
                / nullif(sum(m_made + home_use_usd) OVER win, 0) END AS import_leakage_w3,
        CASE WHEN count(dx) OVER vol_win >= p.vol_points THEN stddev_samp(dx) OVER vol_win END AS vol_x,
        CASE WHEN count(duv) OVER vol_win >= p.vol_points THEN stddev_samp(duv) OVER vol_win END AS vol_uv
    FROM beside b CROSS JOIN p
    WINDOW
        win AS (PARTITION BY iso3, chain ORDER BY year RANGE BETWEEN p.span - 1 PRECEDING AND CURRENT ROW),
        input_win AS (
            PARTITION BY iso3, chain ORDER BY year RANGE BETWEEN p.input_years - 1 PRECEDING AND CURRENT ROW
        ),
        vol_win AS (PARTITION BY iso3, chain ORDER BY year RANGE BETWEEN p.vol_years - 1 PRECEDING AND CURRENT ROW)
)
SELECT
    t.iso3, t.chain, t.year, t.focus,
    t.dpr, t.ui,
    own.vam,
    CASE WHEN t.n_years >= p.min_years THEN own_w3.vam END AS vam_w3,
    t.vam_world,
    t.processing_gap_usd,
    t.processing_gap_usd_w3,
    t.m_made / nullif(t.m_made + t.home_use_usd, 0) AS import_leakage,
    t.import_leakage_w3,
    t.input_dependence,
    t.pp_usd_t, t.pp_item_code,
    t.pr_ratio,
    t.nrp_basis, t.freight, t.freight_basis, t.border_usd_t,
    t.pp_usd_t / t.reference_usd_t - 1 AS nrp_lite,
    CASE WHEN nrp_lite IS NOT NULL THEN least(t.known_share, p.nrp_cap) END AS nrp_lite_confidence,
    t.vol_x, t.vol_uv,
    concat_ws(
        ';',
        CASE WHEN t.chain NOT IN (SELECT chain FROM cat_extraction) THEN 'no_extraction_rate'
            WHEN t.x_primary > 0 AND own.vam IS NULL THEN 'vam_not_measured' END,
        CASE WHEN t.m_made IS NOT NULL AND t.home_use_usd IS NULL THEN 'home_use_not_known' END,
        CASE WHEN t.pp_usd_t IS NOT NULL AND t.border_usd_t IS NULL THEN 'no_border_price' END,
        CASE WHEN t.input_base_small THEN 'input_base_too_small' END,
        CASE WHEN t.official_rate THEN 'official_exchange_rate' END
    ) AS flag
FROM windowed t CROSS JOIN p
LEFT JOIN multiple own ON own.iso3 = t.iso3 AND own.chain = t.chain AND own.year = t.year AND own.span = 1
LEFT JOIN multiple own_w3 ON own_w3.iso3 = t.iso3 AND own_w3.chain = t.chain AND own_w3.year = t.year
    AND own_w3.span = p.span
