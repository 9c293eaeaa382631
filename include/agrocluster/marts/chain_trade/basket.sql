-- What lies inside a chain stage, code by code: two-way trade, concentration on goods, and what a kilogram brings
-- against the world. Each is computed on the sums of the window, for windows of one year and of the method's span.
CREATE TABLE chain_trade.good AS  -- two-way measures read years in which both sides are known
WITH yearly AS (
    SELECT iso3, year, hs_code, coalesce(s.x, 0) AS x,
        CASE WHEN c.m_all IS NOT NULL THEN coalesce(s.x, 0) ELSE 0 END AS x_both, coalesce(b.m, 0) AS m_both,
        s.x_weighed, s.kg_weighed
    FROM chain_trade.sold s
    FULL JOIN chain_trade.bought b USING (iso3, year, hs_code)
    JOIN chain_trade.country_total c USING (iso3, year)
    WHERE c.x_all IS NOT NULL
)
SELECT iso3, 1 AS span, year, hs_code, x, x_both, m_both, x_weighed, kg_weighed FROM yearly
UNION ALL
SELECT y.iso3, f.span, f.year, y.hs_code, sum(x), sum(x_both), sum(m_both), sum(x_weighed), sum(kg_weighed)
FROM yearly y JOIN chain_trade.frame f ON f.of_year = y.year AND f.span > 1
GROUP BY ALL;

CREATE TABLE chain_trade.price AS  -- relative unit value of every exporter and code that is no outlier (1.7)
WITH exporter AS (  -- the world's, also where good holds a focus country's own reports
    SELECT iso3, span, year, hs_code, x_weighed, kg_weighed FROM chain_trade.good WHERE iso3 IN (FROM chain_trade.baci)
    UNION ALL
    SELECT b.iso3, f.span, f.year, b.hs_code, sum(b.x_weighed), sum(b.kg_weighed)
    FROM chain_trade.baci_sold b JOIN chain_trade.frame f ON f.of_year = b.year
    WHERE b.iso3 NOT IN (FROM chain_trade.baci) GROUP BY ALL
),
reference AS (  -- world median weighted by value, over exporters of a quantity that says something
    SELECT span, year, hs_code, min(uv) AS uv_ref FROM (
        SELECT e.span, year, hs_code, x_weighed / kg_weighed AS uv,
            sum(x_weighed) OVER (same ORDER BY x_weighed / kg_weighed, iso3) AS below,
            sum(x_weighed) OVER same AS total
        FROM exporter e, chain_trade.p WHERE kg_weighed >= p.uv_min_kg AND x_weighed > 0
        WINDOW same AS (PARTITION BY e.span, year, hs_code)
    ) WHERE below >= (0.5 - 1e-9) * total GROUP BY ALL
),
cell AS (
    SELECT g.iso3, g.span, g.year, g.hs_code, ln(g.x_weighed / g.kg_weighed / r.uv_ref) AS ln_ruv
    FROM chain_trade.good g JOIN reference r USING (span, year, hs_code)
    WHERE g.x_weighed > 0 AND g.kg_weighed > 0
),
middle AS (SELECT span, year, hs_code, median(abs(ln_ruv)) AS centre FROM cell GROUP BY ALL),
spread AS (
    SELECT span, year, hs_code, any_value(centre) AS centre, median(abs(abs(ln_ruv) - centre)) AS mad
    FROM cell JOIN middle USING (span, year, hs_code) GROUP BY ALL
)
SELECT cell.* FROM cell JOIN spread USING (span, year, hs_code) CROSS JOIN chain_trade.p
-- A step above rounding: a cell on the median itself is no outlier.
WHERE abs(ln_ruv) <= centre + p.ruv_mad * mad + 1e-12 * greatest(centre + p.ruv_mad * mad, 1);

CREATE TABLE chain_trade.basket AS
WITH listed AS (SELECT chain, stage, count(*) AS n FROM chain_trade.placed GROUP BY ALL),
base AS (  -- weights of the prices: exports of the reference baseline, the same in all years
    SELECT s.iso3, s.hs_code, sum(s.x) AS weight
    FROM chain_trade.sold s JOIN cat_baseline b ON b.is_reference AND s.year BETWEEN b.first_year AND b.last_year
    GROUP BY ALL HAVING sum(s.x) > 0
),
whole AS (
    SELECT iso3, chain, stage, sum(weight) AS weight FROM base JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
),
priced AS (
    SELECT iso3, span, year, chain, stage, sum(weight) AS weight, sum(weight * ln_ruv) / sum(weight) AS ln_ruv
    FROM chain_trade.price JOIN base USING (iso3, hs_code) JOIN chain_trade.placed USING (hs_code) GROUP BY ALL
),
summed AS (
    SELECT g.iso3, g.span, g.year, k.chain, k.stage,
        sum(x) AS x, sum(x * x) AS squares, sum(x * ln(x)) FILTER (x > 0) AS x_ln_x, count(*) FILTER (x > 0) AS active,
        sum(x_both + m_both) AS trade, sum(abs(x_both - m_both)) AS apart, abs(sum(x_both - m_both)) AS imbalance
    FROM chain_trade.good g JOIN chain_trade.placed k USING (hs_code) GROUP BY ALL
)
SELECT s.iso3, s.span, s.year, s.chain, s.stage,
    CASE WHEN x > 0 THEN squares / (x * x) END AS hhi_prod,
    CASE WHEN x > 0 THEN ln(n / active) END AS theil_between,
    CASE WHEN x > 0 THEN greatest(ln(active) + x_ln_x / x - ln(x), 0) END AS theil_within,
    CASE WHEN trade > 0 THEN 1 - apart / trade END AS gl,
    -- Where all trade goes one way there is nothing two-way trade could be of; the last bits of sums are not trade.
    CASE WHEN trade - imbalance > 1e-12 * trade THEN (trade - apart) / (trade - imbalance) END AS gl_adjusted,
    CASE WHEN priced.weight >= p.known_min * whole.weight THEN exp(priced.ln_ruv) END AS ruv,
    coalesce(priced.weight, 0) / whole.weight AS ruv_coverage
FROM summed s
JOIN listed USING (chain, stage)
LEFT JOIN whole USING (iso3, chain, stage)
LEFT JOIN priced USING (iso3, span, year, chain, stage)
CROSS JOIN chain_trade.p;
