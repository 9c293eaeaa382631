-- How far the focus countries' goods get: goods in markets together, the markets they could have reached, and how much
-- more than others they sell to their largest market (method 1.8, 1.10).
CREATE TABLE chain_trade.buyer AS  -- markets that import a code, in the year and in windows of the method's span
SELECT 1 AS span, year, hs_code, iso3 AS market, m AS w FROM chain_trade.baci_bought WHERE m > 0
UNION ALL
SELECT p.span, year, hs_code, market, w FROM chain_trade.demand, chain_trade.p WHERE w > 0;

CREATE TABLE chain_trade.reach AS
WITH sold AS (SELECT iso3, span, year, hs_code FROM chain_trade.delivered GROUP BY ALL),
open_to AS (  -- of each code that the country sells anywhere; nobody is a market of its own
    SELECT s.iso3, s.span, s.year, s.hs_code,
        any_value(n.markets) - count(b.market) AS markets
    FROM sold s
    JOIN (SELECT span, year, hs_code, count(*) AS markets FROM chain_trade.buyer GROUP BY ALL) n
        USING (span, year, hs_code)
    LEFT JOIN chain_trade.buyer b
        ON (b.span, b.year, b.hs_code, b.market) = (s.span, s.year, s.hs_code, s.iso3)
    GROUP BY ALL
),
reached AS (
    SELECT d.iso3, d.span, d.year, d.hs_code, count(b.market) AS reached, sum(d.v) AS v, sum(d.v * d.v) AS squares
    FROM chain_trade.delivered d
    LEFT JOIN chain_trade.buyer b ON (b.span, b.year, b.hs_code, b.market) = (d.span, d.year, d.hs_code, d.partner)
    GROUP BY ALL
),
wanted AS (  -- imports of every market, by chain stage
    SELECT span, year, chain, stage, market, sum(w) AS w
    FROM chain_trade.buyer JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
),
wanted_by_all AS (SELECT span, year, chain, stage, sum(w) AS w FROM wanted GROUP BY ALL),
summed AS (
    SELECT iso3, span, year, chain, stage,
        sum(squares) / (sum(v) * sum(v)) AS hhi_prod_market,
        sum(reached) / nullif(sum(markets), 0) AS market_penetration
    FROM reached LEFT JOIN open_to USING (iso3, span, year, hs_code) JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
)
SELECT s.*, d.share_largest / nullif(w.w / a.w, 0) AS tii_top
FROM summed s
JOIN chain_trade.destinations d USING (iso3, span, year, chain, stage)
LEFT JOIN wanted_by_all a USING (span, year, chain, stage)
LEFT JOIN wanted w
    ON (w.span, w.year, w.chain, w.stage, w.market) = (s.span, s.year, s.chain, s.stage, d.largest_market);
