-- Where the focus countries sell: concentration on markets, shares of neighbours, who buys what they sell, and how far
-- the four trade with each other rather than outside (method 1.8, 1.10).
CREATE TABLE chain_trade.delivered AS
SELECT o.iso3, f.span, f.year, o.hs_code, o.partner, sum(o.usd) AS v
FROM chain_trade.own o JOIN chain_trade.frame f ON f.of_year = o.year
WHERE o.direction = 'X' AND o.counted GROUP BY ALL HAVING sum(o.usd) > 0;

CREATE TABLE chain_trade.destinations AS
SELECT iso3, d.span, year, chain, stage,
    sum(v * v) / (sum(v) * sum(v)) AS hhi, count(*) AS n,
    coalesce(sum(v) FILTER (partner = p.reference_market), 0) / sum(v) AS share_rus,
    coalesce(sum(v) FILTER (list_contains(p.eaeu, partner)), 0) / sum(v) AS share_eaeu,
    coalesce(sum(v) FILTER (list_contains(p.central_asia, partner)), 0) / sum(v) AS share_ca,
    max(v) / sum(v) AS share_largest,
    first(partner ORDER BY v DESC, partner) AS largest_market
FROM (
    SELECT iso3, span, year, chain, stage, partner, sum(v) AS v
    FROM chain_trade.delivered JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
) d, chain_trade.p
GROUP BY ALL;

CREATE TABLE chain_trade.demand AS  -- imports of every market in windows of the method's span, BACI's as the world is
SELECT f.year, b.hs_code, b.iso3 AS market, sum(b.m) AS w
FROM chain_trade.baci_bought b
JOIN chain_trade.frame f ON f.of_year = b.year
JOIN chain_trade.p ON f.span = p.span
GROUP BY ALL;

CREATE TABLE chain_trade.complementarity AS
WITH partner AS (  -- the largest markets of all goods
    SELECT iso3, year, market, row_number() OVER (PARTITION BY iso3, year ORDER BY v DESC, market) AS place
    FROM (
        SELECT o.iso3, f.year, o.partner AS market, sum(o.usd) AS v
        FROM chain_trade.own o
        JOIN chain_trade.frame f ON f.of_year = o.year
        JOIN chain_trade.p ON f.span = p.span
        WHERE o.direction = 'X' AND o.partner IN (SELECT market FROM chain_trade.demand)
        GROUP BY ALL HAVING sum(o.usd) > 0
    ) QUALIFY place <= (SELECT top_partners FROM chain_trade.p)
),
offer AS (
    SELECT g.iso3, g.year, k.chain, k.stage, g.hs_code,
        g.x / sum(g.x) OVER (PARTITION BY g.iso3, g.year, k.chain, k.stage) AS share
    FROM chain_trade.good g
    JOIN chain_trade.p ON g.span = p.span
    JOIN chain_trade.placed k USING (hs_code)
    WHERE g.x > 0 AND g.iso3 IN (FROM chain_trade.focus)
),
wanted AS (
    SELECT d.market, d.year, k.chain, k.stage, sum(d.w) AS w
    FROM chain_trade.demand d
    JOIN (SELECT DISTINCT year, market FROM partner) USING (year, market)
    JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
fit AS (  -- half the sum of absolute differences of shares is 1 less what both have in common
    SELECT o.iso3, o.year, o.chain, o.stage, partner.market, any_value(place) AS place,
        least(100 * sum(least(o.share, coalesce(d.w, 0) / wanted.w)), 100) AS tci
    FROM offer o
    JOIN partner USING (iso3, year)
    JOIN wanted ON (wanted.market, wanted.year, wanted.chain, wanted.stage) = (partner.market, o.year, o.chain, o.stage)
    LEFT JOIN chain_trade.demand d ON (d.market, d.year, d.hs_code) = (partner.market, o.year, o.hs_code)
    GROUP BY ALL
)
SELECT iso3, year, chain, stage, max(tci) AS tci, first(market ORDER BY tci DESC, place) AS market
FROM fit GROUP BY ALL;

CREATE TABLE chain_trade.introversion AS  -- years in which all members are known; the same for each of them
WITH known AS (
    SELECT year FROM chain_trade.country_total
    WHERE iso3 IN (FROM chain_trade.focus) AND x_all IS NOT NULL AND m_all IS NOT NULL
    GROUP BY year HAVING count(*) = (SELECT count(*) FROM chain_trade.focus)
),
region AS (
    SELECT o.year, k.chain, k.stage, sum(o.usd) AS r,
        coalesce(sum(o.usd) FILTER (o.partner IN (FROM chain_trade.focus)), 0) AS rr
    FROM chain_trade.own o JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
world AS (
    SELECT b.year, k.chain, k.stage, 2 * sum(b.x) AS w
    FROM chain_trade.baci_sold b JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
),
summed AS (
    SELECT f.span, f.year, world.chain, world.stage,
        sum(coalesce(r, 0)) AS r, sum(coalesce(rr, 0)) AS rr, sum(w) AS w, count(DISTINCT f.of_year) AS n_years
    FROM chain_trade.frame f
    JOIN known ON known.year = f.of_year
    JOIN world ON world.year = f.of_year
    LEFT JOIN region ON region.year = f.of_year AND region.chain = world.chain AND region.stage = world.stage
    GROUP BY ALL
),
intensity AS (
    SELECT *, (rr / nullif(r, 0)) / nullif((r - rr) / nullif(w - r, 0), 0) AS hi,
        (1 - rr / nullif(r, 0)) / nullif(1 - (r - rr) / nullif(w - r, 0), 0) AS he
    FROM summed
)
SELECT intensity.span, year, chain, stage, (hi - he) / nullif(hi + he, 0) AS sti
FROM intensity, chain_trade.p WHERE n_years >= least(intensity.span, p.min_years);
