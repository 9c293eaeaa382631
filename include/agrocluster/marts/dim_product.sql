-- One row per HS edition and six-digit code that a flow or the HS2012 crosswalk names.
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter('agri_base_last_chapter') AS last_chapter,
        string_split(parameter_text('agri_base_headings'), ',') AS headings
),
code AS (
    SELECT DISTINCT hs_edition, hs_code FROM current_trade
    UNION
    SELECT system, code FROM cat_chain_code, p WHERE system = p.hs_edition
),
-- A code is own or dual in one chain and stage; as a shared code it may be listed in several.
home AS (
    SELECT system, code, chain, stage, role, sub
    FROM cat_chain_code WHERE role IN ('own', 'dual')
),
shared AS (
    SELECT system, code, string_agg(DISTINCT chain, ',' ORDER BY chain) AS shared_chains
    FROM cat_chain_code WHERE role = 'shared' GROUP BY ALL
),
label AS (
    SELECT system, code, min(label) AS label FROM cat_chain_code GROUP BY ALL
)
SELECT
    code.hs_edition,
    code.hs_code,
    left(code.hs_code, 2) AS chapter,
    left(code.hs_code, 4) AS heading,
    label.label AS label_en,
    cat_chapter.en AS chapter_en,
    cat_chapter.ru AS chapter_ru,
    home.chain,
    home.stage,
    coalesce(home.role, CASE WHEN shared.code IS NOT NULL THEN 'shared' END) AS role,
    home.sub,
    shared.shared_chains,
    coalesce(
        try_cast(left(code.hs_code, 2) AS INTEGER) BETWEEN 1 AND p.last_chapter
        OR list_contains(p.headings, left(code.hs_code, 4)),
        false
    ) AS agri_base
FROM code
CROSS JOIN p
LEFT JOIN home ON home.system = code.hs_edition AND home.code = code.hs_code
LEFT JOIN shared ON shared.system = code.hs_edition AND shared.code = code.hs_code
LEFT JOIN label ON label.system = code.hs_edition AND label.code = code.hs_code
LEFT JOIN cat_chapter ON cat_chapter.chapter = left(code.hs_code, 2)
