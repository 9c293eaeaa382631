-- Intervals of scores and ranks, and chances of places and classes, from the draws.
-- A rank interval always holds the published rank: draws take other choices of method with equal chance and may all
-- fall to one side of it. Ranks are among the cells that are ranked at all.
WITH drawn AS (
    SELECT d.*, s.ranked, s.rank_country, s.rank_chain,
        d.potential * (parameter('enabling_floor') + (1 - parameter('enabling_floor')) * t.enabling / 100) AS adjusted
    FROM mart_baseline_draws d
    JOIN mart_baseline_scores s USING (baseline_id, iso3, chain)
    JOIN mart_baseline_context t USING (baseline_id, iso3, chain)
),
placed AS (
    SELECT *,
        CASE WHEN ranked AND potential IS NOT NULL THEN rank() OVER (
            PARTITION BY baseline_id, iso3, draw, ranked ORDER BY potential DESC NULLS LAST
        ) END AS place,
        CASE WHEN ranked AND adjusted IS NOT NULL THEN rank() OVER (
            PARTITION BY baseline_id, chain, draw, ranked ORDER BY adjusted DESC NULLS LAST
        ) END AS place_chain
    FROM drawn
),
cell AS (
    SELECT baseline_id, iso3, chain,
        count(potential) AS n_draws,
        quantile_cont(position, [0.05, 0.5, 0.95]) AS qp, quantile_cont(headroom, [0.05, 0.5, 0.95]) AS qh,
        quantile_cont(potential, [0.05, 0.5, 0.95]) AS q,
        stddev_samp(position ORDER BY draw) AS position_se, stddev_samp(headroom ORDER BY draw) AS headroom_se,
        stddev_samp(potential ORDER BY draw) AS potential_se,
        any_value(rank_country) AS rank_country, any_value(rank_chain) AS rank_chain,
        quantile_disc(place, [0.05, 0.95]) AS r, quantile_disc(place_chain, [0.05, 0.95]) AS rc,
        count(*) FILTER (place <= 3) / nullif(count(place), 0) AS p_top3,
        count(*) FILTER (quadrant = 'build') / nullif(count(quadrant), 0) AS p_build,
        count(*) FILTER (quadrant = 'defend') / nullif(count(quadrant), 0) AS p_defend,
        count(*) FILTER (quadrant = 'prepare') / nullif(count(quadrant), 0) AS p_prepare,
        count(*) FILTER (quadrant = 'leave') / nullif(count(quadrant), 0) AS p_leave
    FROM placed GROUP BY ALL
),
interval AS (
    SELECT *,
        CASE WHEN rank_country IS NOT NULL THEN least(r[1], rank_country) END AS rank_p05,
        CASE WHEN rank_country IS NOT NULL THEN greatest(r[2], rank_country) END AS rank_p95,
        CASE WHEN rank_chain IS NOT NULL THEN least(rc[1], rank_chain) END AS rank_chain_p05,
        CASE WHEN rank_chain IS NOT NULL THEN greatest(rc[2], rank_chain) END AS rank_chain_p95
    FROM cell
),
tie AS (
    SELECT a.baseline_id, a.iso3, a.chain, string_agg(b.chain, ' ' ORDER BY b.rank_country, b.chain) AS tied_with
    FROM interval a JOIN interval b ON a.baseline_id = b.baseline_id AND a.iso3 = b.iso3 AND a.chain <> b.chain
    WHERE a.rank_country IS NOT NULL AND b.rank_country IS NOT NULL AND least(a.rank_p95, b.rank_p95) - greatest(a.rank_p05, b.rank_p05) + 1
        > parameter('tie_overlap') * (greatest(a.rank_p95 - a.rank_p05, b.rank_p95 - b.rank_p05) + 1)
    GROUP BY ALL
)
SELECT i.baseline_id, i.iso3, i.chain, i.n_draws,
    i.qp[1] AS position_p05, i.qp[2] AS position_p50, i.qp[3] AS position_p95, i.position_se,
    i.qh[1] AS headroom_p05, i.qh[2] AS headroom_p50, i.qh[3] AS headroom_p95, i.headroom_se,
    i.q[1] AS potential_p05, i.q[2] AS potential_p50, i.q[3] AS potential_p95, i.potential_se,
    i.rank_p05, i.rank_p95, i.rank_chain_p05, i.rank_chain_p95,
    i.p_top3, i.p_build, i.p_defend, i.p_prepare, i.p_leave,
    tie.tied_with
FROM interval i LEFT JOIN tie USING (baseline_id, iso3, chain)
