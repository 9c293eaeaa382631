-- How far the focus countries' RSCA may be off, from the error of their flows (method 9.7). Errors of ln value are
-- taken as normal and independent between flows, and as lasting in a flow: a window does not average them away. World
-- trade is taken as known. RSCA rises with RCA, so its quantiles are those of ln RCA, whose error follows by the delta
-- method from exports of the stage and of everything else.
CREATE TABLE chain_trade.uncertainty AS
WITH flow AS (
    SELECT o.iso3, f.year, o.hs_code, o.partner, o.agri_base, sum(o.usd * coalesce(o.sigma, p.sigma_trade)) AS off
    FROM chain_trade.own o
    JOIN chain_trade.frame f ON f.of_year = o.year
    JOIN chain_trade.p ON f.span = p.span
    WHERE o.direction = 'X' AND o.usd > 0 GROUP BY ALL
),
whole AS (
    SELECT iso3, year, sum(off * off) AS off2, coalesce(sum(off * off) FILTER (agri_base), 0) AS off2_base
    FROM flow GROUP BY ALL
),
stage AS (
    SELECT flow.iso3, flow.year, k.chain, k.stage, sum(off * off) AS off2,
        coalesce(sum(off * off) FILTER (k.agri_base), 0) AS off2_base
    FROM flow JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
part AS (  -- the base that speaks for the stage
    SELECT v.iso3, v.chain, v.stage, v.year, v.rca_index_w3 AS rca,
        CASE v.index_base WHEN 'agri' THEN v.sx_base ELSE v.sx END AS x,
        CASE v.index_base WHEN 'agri' THEN v.sx_agri ELSE v.sx_all END AS x_whole,
        CASE v.index_base WHEN 'agri' THEN s.off2_base ELSE s.off2 END AS off2,
        CASE v.index_base WHEN 'agri' THEN w.off2_base ELSE w.off2 END AS off2_whole
    FROM chain_trade.position v
    JOIN whole w USING (iso3, year)
    LEFT JOIN stage s USING (iso3, year, chain, stage)
    WHERE v.rca_index_w3 IS NOT NULL
)
SELECT iso3, chain, stage, year, rca,
    CASE WHEN rca = 0 THEN 0 ELSE (1 - x / x_whole) * sqrt(
        off2 / (x * x) + coalesce(greatest(off2_whole - off2, 0) / nullif((x_whole - x) ** 2, 0), 0)
    ) END AS sigma
FROM part;
