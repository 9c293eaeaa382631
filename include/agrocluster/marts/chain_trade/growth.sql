-- Why exports of the focus countries grew from one window to the next: constant market shares (method 1.9).
-- World imports are without the country's own deliveries where it is a large supplier. Where a country sells a good in
-- a market that imported none of it before, and only in such cells, growth and weight are over the mean of both windows
-- (Cheptea, Gaulier and Zignago 2005). Every cell closes by itself, so the sum over both kinds does.
CREATE TABLE chain_trade.growth AS
WITH span AS (
    SELECT span, own_share_min, known_min, product_first, (SELECT min(year) FROM chain_trade.calendar) AS first
    FROM chain_trade.p
),
imports AS (
    SELECT year, hs_code, market, coalesce(then_.w, 0) AS w0, coalesce(now_.w, 0) AS w1
    FROM chain_trade.demand now_
    FULL JOIN (SELECT (year + span)::SMALLINT AS year, hs_code, market, w FROM chain_trade.demand, span) then_
        USING (year, hs_code, market)
    WHERE year IN (SELECT year FROM chain_trade.calendar, span WHERE year >= first + 2 * span - 1)
),
exports AS (
    SELECT iso3, year, hs_code, partner AS market, coalesce(then_.v, 0) AS x0, coalesce(now_.v, 0) AS x1
    FROM (SELECT d.* FROM chain_trade.delivered d JOIN span USING (span)) now_
    FULL JOIN (
        SELECT d.iso3, (d.year + d.span)::SMALLINT AS year, d.hs_code, d.partner, d.v
        FROM chain_trade.delivered d JOIN span USING (span)
    ) then_ USING (iso3, year, hs_code, partner)
    WHERE year IN (SELECT year FROM chain_trade.calendar, span WHERE year >= first + 2 * span - 1)
),
cell AS (  -- areas that are no country have no imports to compare with
    SELECT e.iso3, e.year, e.hs_code, e.market, e.x0, e.x1,
        e.market IN (SELECT iso3 FROM dim_country) AS named,
        coalesce(i.w0, 0) AS held0, coalesce(i.w1, 0) AS held1,
        coalesce(e.x0 > own_share_min * i.w0 OR e.x1 > own_share_min * i.w1, false) AS large,
        CASE WHEN large THEN least(e.x0, held0) ELSE 0 END AS own0,
        CASE WHEN large THEN least(e.x1, held1) ELSE 0 END AS own1,
        chain_trade.without(held0, own0) AS c0, chain_trade.without(held1, own1) AS c1
    FROM exports e CROSS JOIN span LEFT JOIN imports i USING (year, hs_code, market)
),
placed AS (SELECT cell.*, k.chain, k.stage FROM cell JOIN chain_trade.placed k USING (hs_code)),
of_code AS (SELECT year, hs_code, sum(w0) AS w0, sum(w1) AS w1 FROM imports GROUP BY ALL),
of_stage AS (
    SELECT year, chain, stage, sum(w0) AS w0, sum(w1) AS w1
    FROM of_code JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
),
of_market AS (
    SELECT year, chain, stage, market, sum(w0) AS w0, sum(w1) AS w1
    FROM imports JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
),
-- The country's own deliveries in them.
own_code AS (SELECT iso3, year, hs_code, sum(own0) AS own0, sum(own1) AS own1 FROM cell WHERE named GROUP BY ALL),
own_stage AS (
    SELECT iso3, year, chain, stage, sum(own0) AS own0, sum(own1) AS own1
    FROM placed WHERE named GROUP BY ALL
),
own_market AS (
    SELECT iso3, year, chain, stage, market, sum(own0) AS own0, sum(own1) AS own1 FROM placed WHERE named GROUP BY ALL
),
level AS (  -- imports of others: of the stage, of the code, of the market, of the code in the market
    SELECT c.iso3, c.year, c.chain, c.stage, c.x0, c.x1, c.c0 = 0 AS midpoint,
        chain_trade.without(s.w0, os.own0) AS s0, chain_trade.without(s.w1, os.own1) AS s1,
        chain_trade.without(k.w0, ok.own0) AS k0, chain_trade.without(k.w1, ok.own1) AS k1,
        chain_trade.without(j.w0, oj.own0) AS j0, chain_trade.without(j.w1, oj.own1) AS j1,
        c.c0, c.c1
    FROM placed c
    LEFT JOIN own_stage os USING (iso3, year, chain, stage)
    LEFT JOIN own_code ok USING (iso3, year, hs_code)
    LEFT JOIN own_market oj USING (iso3, year, chain, stage, market)
    LEFT JOIN of_stage s USING (year, chain, stage)
    LEFT JOIN of_code k USING (year, hs_code)
    LEFT JOIN of_market j USING (year, chain, stage, market)
    WHERE c.named
),
rate AS (  -- where nobody imports in either window the wider growth stands in
    SELECT *,
        CASE WHEN midpoint THEN (x0 + x1) / 2 ELSE x0 END AS weight,
        chain_trade.rate(s0, s1, midpoint, NULL) AS g,
        chain_trade.rate(k0, k1, midpoint, g) AS g_k,
        chain_trade.rate(j0, j1, midpoint, g) AS g_j,
        chain_trade.rate(c0, c1, midpoint, g_k) AS g_kj
    FROM level
),
summed AS (
    SELECT iso3, year, chain, stage, sum(x0) AS x0, sum(x1) AS x1,
        coalesce(sum(x0 + x1) FILTER (midpoint), 0) / nullif(sum(x0 + x1), 0) AS midpoint_share,
        sum(g * weight) AS world,
        sum((product_first * (g_k - g) + (1 - product_first) * (g_kj - g_j)) * weight) AS composition,
        sum((product_first * (g_kj - g_k) + (1 - product_first) * (g_j - g)) * weight) AS market,
        sum(x1 - x0 - g_kj * weight) AS residual
    FROM rate, span GROUP BY ALL
),
sold AS (SELECT iso3, year, chain, stage, sum(x0) AS x0, sum(x1) AS x1 FROM placed GROUP BY ALL)
SELECT s.iso3, s.year, s.chain, s.stage, s.midpoint_share,
    100 * (s.x1 - s.x0) / s.x0 / span AS growth,
    100 * s.world / s.x0 / span AS world,
    100 * s.composition / s.x0 / span AS composition,
    100 * s.market / s.x0 / span AS market,
    100 * s.residual / s.x0 / span AS residual
FROM summed s JOIN sold USING (iso3, year, chain, stage) CROSS JOIN span
WHERE s.x0 >= greatest(span.known_min * sold.x0, 1e-300) AND s.x1 >= span.known_min * sold.x1
    AND s.world IS NOT NULL;
