-- What stands beside a score: how much of the method it rests on, how far its data can be trusted, and the country's
-- enabling environment, which is the same for all of its chains and therefore never ranks them.
WITH p AS (
    SELECT
        list_min(string_split(parameter_text('age_decay'), ',')::DOUBLE[]) AS decay_unknown,
        parameter('sigma_trade') AS sigma_trade,
        parameter('sigma_full_loss') AS sigma_loss,
        parameter('mirror_unknown') AS mirror_unknown,
        parameter('grade_a') AS a,
        parameter('grade_b') AS b,
        parameter('grade_c') AS c
),
weights AS (
    SELECT baseline_id, iso3, chain,
        coalesce(sum(nominal_weight ORDER BY indicator) FILTER (weight_in_pillar > 0 AND sub_index = 'position'), 0)
            / sum(nominal_weight ORDER BY indicator) FILTER (sub_index = 'position') AS coverage_position,
        coalesce(sum(nominal_weight ORDER BY indicator) FILTER (weight_in_pillar > 0 AND sub_index = 'headroom'), 0)
            / sum(nominal_weight ORDER BY indicator) FILTER (sub_index = 'headroom') AS coverage_headroom,
        sum(effective_weight ORDER BY indicator) FILTER (basis = 'trade') AS trade_weight,
        sum(effective_weight ORDER BY indicator) FILTER (basis = 'production') AS production_weight
    FROM mart_baseline_indicators GROUP BY ALL
),
cell_sigma AS (  -- of the exports of the window, by value
    SELECT b.baseline_id, t.exporter AS iso3, k.chain,
        sum(t.v_reconciled_usd * t.sigma_lnv ORDER BY t.year, t.importer, t.hs_code)
            / sum(t.v_reconciled_usd ORDER BY t.year, t.importer, t.hs_code) AS sigma
    FROM mart_trade_cell t
    JOIN dim_product k USING (hs_code, hs_edition)
    JOIN cat_stage s USING (stage)
    JOIN dim_baseline b ON t.year BETWEEN b.first_year AND b.last_year
    WHERE k.role IN ('own', 'dual') AND s.in_total AND t.v_reconciled_usd > 0 AND t.sigma_lnv IS NOT NULL
    GROUP BY ALL
),
source AS (
    SELECT w.*, coalesce(x.sigma, p.sigma_trade) AS sigma_trade, m.sigma_production,
        (coalesce(trade_weight * greatest(0, 1 - coalesce(x.sigma, p.sigma_trade) / p.sigma_loss), 0)
            + coalesce(production_weight * greatest(0, 1 - m.sigma_production / p.sigma_loss), 0))
            / nullif(trade_weight + CASE WHEN m.sigma_production IS NULL THEN 0 ELSE production_weight END, 0) AS c_src
    FROM weights w CROSS JOIN p
    JOIN dim_baseline b USING (baseline_id)
    LEFT JOIN cell_sigma x USING (baseline_id, iso3, chain)
    LEFT JOIN mart_chain_production m ON m.iso3 = w.iso3 AND m.chain = w.chain AND m.year = b.last_year
),
block AS (
    SELECT b.baseline_id, e.iso3, e.block, avg(e.score ORDER BY e.dataset, e.indicator) AS score
    FROM mart_enabling e JOIN dim_baseline b ON e.year = b.last_year
    WHERE e.block IS NOT NULL AND e.value IS NOT NULL GROUP BY ALL
),
enabling AS (
    SELECT baseline_id, iso3, round(exp(avg(ln(score) ORDER BY block)), 9) AS enabling FROM block GROUP BY ALL
),
freshness AS (  -- an indicator that is not known counts like the oldest that would still be carried forward
    SELECT baseline_id, iso3, avg(decay ORDER BY block) AS decay
    FROM (
        SELECT b.baseline_id, c.iso3, i.block,
            avg(coalesce(e.decay, p.decay_unknown) ORDER BY i.dataset, i.indicator) AS decay
        FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN p
        JOIN dim_indicator i ON i.block IS NOT NULL AND NOT i.archived
        LEFT JOIN mart_enabling e
            ON e.iso3 = c.iso3 AND e.dataset = i.dataset AND e.indicator = i.indicator AND e.year = b.last_year
        WHERE c.focus OR c.panel
        GROUP BY ALL
    ) GROUP BY ALL
),
joined AS (
    SELECT s.*, e.enabling, e.iso3 IS NOT NULL AS measured,
        (s.coverage_position + s.coverage_headroom) / 2 AS coverage_both,
        nullif(coverage_both, 0) AS c_cov,
        t.mirror_agreement_w3 AS c_mir,
        f.decay AS c_time,
        -- Of panel countries both sides are not held; a focus country without any flow that both report is less certain.
        CASE WHEN k.focus THEN coalesce(c_mir, p.mirror_unknown) END AS mirror_part,
        CASE WHEN c_src IS NOT NULL
            THEN round((c_cov * c_src * c_time * coalesce(mirror_part, 1)) ** (1.0 / CASE WHEN k.focus THEN 4 ELSE 3 END), 9)
        END AS confidence
    FROM source s
    CROSS JOIN p
    JOIN dim_baseline b USING (baseline_id)
    JOIN dim_country k USING (iso3)
    JOIN freshness f USING (baseline_id, iso3)
    LEFT JOIN enabling e USING (baseline_id, iso3)
    LEFT JOIN mart_chain_trade t
        ON t.iso3 = s.iso3 AND t.chain = s.chain AND t.stage = 'total' AND t.year = b.last_year
)
SELECT j.baseline_id, j.iso3, j.chain, j.coverage_both AS coverage, j.coverage_position, j.coverage_headroom,
    j.sigma_trade, j.sigma_production, j.c_cov, j.c_src, j.c_mir, j.c_time, j.confidence,
    CASE
        WHEN confidence >= p.a THEN 'A' WHEN confidence >= p.b THEN 'B' WHEN confidence >= p.c THEN 'C'
        WHEN confidence IS NOT NULL THEN 'D'
    END AS grade,
    CASE WHEN confidence IS NOT NULL THEN
        CASE least(c_cov, c_src, mirror_part, c_time)
            WHEN c_cov THEN 'coverage' WHEN c_src THEN 'sources' WHEN mirror_part THEN 'mirror' ELSE 'time' END
    END AS weakest_part,
    j.enabling, j.measured AS enabling_measured
FROM joined j CROSS JOIN p
