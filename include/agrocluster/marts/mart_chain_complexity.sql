-- Complexity and density of every chain's stages, from the headings that its own and dual codes lie in (method
-- 3.4, 9.3 H4). A heading counts once in a stage, however many of its codes do; it may lie in several stages.
WITH p AS (
    SELECT parameter_text('hs_edition') AS hs_edition
),
code AS (
    SELECT chain, stage, heading, s.in_total
    FROM dim_product d JOIN cat_stage s USING (stage), p
    WHERE d.hs_edition = p.hs_edition AND d.role IN ('own', 'dual')
),
member AS (
    SELECT DISTINCT chain, stage, heading FROM code
    UNION
    SELECT DISTINCT chain, 'total', heading FROM code WHERE in_total
),
onward AS (SELECT DISTINCT chain, heading FROM code WHERE stage IN ('processed', 'final')),
country AS (SELECT DISTINCT iso3, year, focus, panel, n_countries_sample, n_products_sample FROM mart_complexity),
stage_row AS (
    SELECT c.*, m.chain, m.stage, count(*) AS n_headings, count(x.m) AS n_headings_known,
        count(*) FILTER (x.m) AS n_headings_present,
        avg(x.pci ORDER BY m.heading) AS pci_mean,
        avg(x.density ORDER BY m.heading) AS density_mean,
        avg(x.density ORDER BY m.heading) FILTER (NOT x.m) AS density_open
    FROM country c CROSS JOIN member m
    LEFT JOIN mart_complexity x ON x.iso3 = c.iso3 AND x.year = c.year AND x.heading = m.heading
    GROUP BY ALL
),
adjacent AS (
    SELECT x.iso3, x.year, o.chain, avg(x.density ORDER BY o.heading) AS adjacency
    FROM onward o JOIN mart_complexity x USING (heading)
    WHERE NOT x.m
    GROUP BY ALL
),
step AS (
    SELECT iso3, chain, year,
        any_value(pci_mean) FILTER (stage = 'final') - any_value(pci_mean) FILTER (stage = 'primary') AS dpci
    FROM stage_row GROUP BY ALL
)
SELECT s.iso3, s.chain, s.stage, s.year, s.focus, s.panel, s.n_headings, s.n_headings_known, s.n_headings_present,
    s.pci_mean, s.density_mean, s.density_open,
    CASE WHEN s.stage = 'total' THEN a.adjacency END AS adjacency,
    CASE WHEN s.stage = 'total' THEN t.dpci END AS dpci,
    s.n_countries_sample, s.n_products_sample
FROM stage_row s
LEFT JOIN adjacent a ON a.iso3 = s.iso3 AND a.chain = s.chain AND a.year = s.year
LEFT JOIN step t ON t.iso3 = s.iso3 AND t.chain = s.chain AND t.year = s.year
