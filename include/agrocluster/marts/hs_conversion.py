"""Customs reports in the codes of HS2012, the edition of the analysis (method 7.4).

Codes of chains and of the agri-food and fibre base are kept at six digits, every other good with its chapter, so that
totals hold. A code is converted by the correspondences of ``catalog/concordance/hs.csv``; without one it keeps its
number if HS2012 has that number. What has no counterpart stays in a row of its own, and so do goods not specified
(999999) and the part of a reported total that the reporter places nowhere. One edition is read per reporter and
period, the one it reported in.

Codes beside six digits: ``NNXXXX`` other goods of chapter NN, ``NN????`` goods of chapter NN without a code of HS2012,
``??????`` goods without a chapter.
"""

from __future__ import annotations

import duckdb

_LINKS = """
CREATE OR REPLACE TEMP TABLE hs_link AS
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter('agri_base_last_chapter') AS last_chapter,
        string_split(parameter_text('agri_base_headings'), ',') AS headings
),
reported AS (
    SELECT hs_edition, hs_code, min(year) AS first_year FROM current_customs
    WHERE hs_level = 6 AND hs_code <> '999999' GROUP BY ALL
),
target AS (  -- codes that HS2012 is known to have
    SELECT hs_code FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition
    UNION
    SELECT hs_code FROM reported, p WHERE reported.hs_edition = p.hs_edition
),
chain_code AS (SELECT DISTINCT code FROM cat_chain_code, p WHERE system = p.hs_edition),
chain_heading AS (SELECT DISTINCT left(code, 4) AS heading FROM chain_code),
world AS (  -- what the targets of a divided code are worth: world exports, else what was reported in HS2012
    SELECT hs_code, year, sum(value_usd) AS usd FROM fact_trade, p
    WHERE importer = 'WLD' AND fact_trade.hs_edition = p.hs_edition AND flow_variant = 'reconciled'
        AND hs_code IN (SELECT hs12_code FROM cat_hs_link WHERE weight = 'value')
    GROUP BY ALL
    UNION ALL
    SELECT hs_code, year, sum(value_usd) FROM current_customs, p
    WHERE NOT EXISTS (FROM fact_trade) AND freq = 'A' AND hs_level = 6 AND flow = 'X' AND partner <> 'WLD'
        AND current_customs.hs_edition = p.hs_edition
    GROUP BY ALL
),
weighed AS (  -- weights of the first year in which the code is reported and its targets are traded
    SELECT r.hs_edition, r.hs_code, l.hs12_code, w.year, coalesce(w.usd, 0) AS usd
    FROM reported r
    JOIN cat_hs_link l ON l.edition_from = r.hs_edition AND l.code_from = r.hs_code AND l.weight = 'value'
    JOIN world w ON w.hs_code = l.hs12_code AND w.year >= r.first_year
    QUALIFY w.year = min(w.year) OVER (PARTITION BY r.hs_edition, r.hs_code)
),
linked AS (
    SELECT r.hs_edition, r.hs_code, l.hs12_code, l.hs_split = 'true' AS hs_split, 'correspondence' AS conversion,
        CASE
            WHEN l.weight <> 'value' THEN l.weight::DOUBLE
            WHEN sum(w.usd) OVER code > 0 THEN coalesce(w.usd, 0) / sum(w.usd) OVER code
            ELSE 1.0 / count(*) OVER code
        END AS weight
    FROM reported r
    JOIN cat_hs_link l ON l.edition_from = r.hs_edition AND l.code_from = r.hs_code
    LEFT JOIN weighed w ON w.hs_edition = r.hs_edition AND w.hs_code = r.hs_code AND w.hs12_code = l.hs12_code
    WINDOW code AS (PARTITION BY r.hs_edition, r.hs_code)
),
same AS (
    SELECT r.hs_edition, r.hs_code, t.hs_code AS hs12_code, false AS hs_split,
        CASE WHEN r.hs_edition = p.hs_edition THEN 'none' ELSE 'same_number' END AS conversion, 1.0 AS weight
    FROM reported r CROSS JOIN p JOIN target t USING (hs_code)
    WHERE NOT EXISTS (FROM linked l WHERE l.hs_edition = r.hs_edition AND l.hs_code = r.hs_code)
),
open AS (
    SELECT r.hs_edition, r.hs_code, left(r.hs_code, 2) || CASE WHEN sought THEN '????' ELSE 'XXXX' END AS hs12_code,
        false AS hs_split, CASE WHEN sought THEN 'unconverted' ELSE 'chapter' END AS conversion, 1.0 AS weight
    FROM (
        SELECT reported.*, h.heading IS NOT NULL OR left(hs_code, 2)::INTEGER <= p.last_chapter
            OR list_contains(p.headings, left(hs_code, 4)) AS sought
        FROM reported CROSS JOIN p LEFT JOIN chain_heading h ON h.heading = left(hs_code, 4)
    ) r
    WHERE NOT EXISTS (FROM linked l WHERE l.hs_edition = r.hs_edition AND l.hs_code = r.hs_code)
        AND NOT EXISTS (FROM target t WHERE t.hs_code = r.hs_code)
),
found AS (FROM linked UNION ALL BY NAME FROM same UNION ALL BY NAME FROM open)
SELECT hs_edition, hs_code, hs_split, weight,
    CASE WHEN detailed THEN hs12_code ELSE left(hs12_code, 2) || 'XXXX' END AS hs12_code,
    CASE WHEN detailed THEN conversion ELSE 'chapter' END AS conversion
FROM (
    SELECT found.*, conversion = 'unconverted' OR c.code IS NOT NULL
        OR left(hs12_code, 2)::INTEGER <= p.last_chapter OR list_contains(p.headings, left(hs12_code, 4)) AS detailed
    FROM found CROSS JOIN p LEFT JOIN chain_code c ON c.code = hs12_code
)
UNION ALL BY NAME  -- goods not specified: of any chapter
SELECT DISTINCT hs_edition, hs_code, false AS hs_split, 1.0 AS weight, '??????' AS hs12_code,
    'unallocated' AS conversion
FROM current_customs WHERE hs_code = '999999'
ORDER BY hs_edition, hs_code, hs12_code
"""

_USED = """
CREATE OR REPLACE TEMP TABLE customs_used_{freq} AS
WITH edition AS (  -- the edition of the newest vintage; within it original before converted, then that with most rows
    SELECT reporter, period, hs_edition
    FROM current_customs LEFT JOIN (SELECT vintage_id, stamp FROM vintages) USING (vintage_id) WHERE freq = '{freq}'
    GROUP BY reporter, period, hs_edition
    QUALIFY row_number() OVER (
        PARTITION BY reporter, period
        ORDER BY max(stamp) DESC NULLS LAST, bool_or(is_original AND hs_level = 6) DESC,
            count(*) FILTER (hs_level = 6) DESC, hs_edition DESC
    ) = 1
)
SELECT c.reporter, c.partner, c.partner_kind, c.flow, c.period, c.year, c.hs_edition,
    c.hs_level, c.hs_code, c.value_usd, c.cif_usd, c.fob_usd,
    CASE WHEN NOT c.net_kg_estimated THEN c.net_kg END AS net_kg,
    CASE WHEN c.net_kg_estimated THEN c.net_kg END AS estimated_kg
FROM current_customs c JOIN edition USING (reporter, period, hs_edition)
WHERE c.freq = '{freq}'
-- The same row may come from two datasets (a partner's view and an own report); it is the same report.
QUALIFY row_number() OVER (
    PARTITION BY c.period, c.reporter, c.hs_code, c.partner, c.flow ORDER BY c.is_original DESC, c.dataset
) = 1
"""

_PLACED = """
CREATE OR REPLACE TEMP TABLE customs_placed AS
SELECT u.reporter, u.partner, u.flow, u.period, u.year, u.hs_edition, l.hs12_code AS hs_code,
    u.value_usd * l.weight AS value_usd, u.cif_usd * l.weight AS cif_usd, u.fob_usd * l.weight AS fob_usd,
    u.net_kg * l.weight AS net_kg, u.estimated_kg * l.weight AS estimated_kg, l.hs_split, l.conversion
FROM customs_used_{freq} u JOIN hs_link l USING (hs_edition, hs_code)
WHERE u.hs_level = 6
"""

_UNPLACED = """
WITH p AS (
    SELECT parameter('total_tolerance') AS tolerance
),
heading AS (  -- a level counts with what it reports beyond the level below it
    SELECT reporter, partner, flow, period, year, hs_edition, left(hs_code, 4) AS heading,
        greatest(
            coalesce(sum(value_usd) FILTER (hs_level = 6), 0), coalesce(max(value_usd) FILTER (hs_level = 4), 0)
        ) AS usd,
        coalesce(sum(value_usd) FILTER (hs_level = 6), 0) AS placed
    FROM customs_used_{freq} WHERE hs_level IN (4, 6) GROUP BY ALL
),
chapter AS (
    SELECT reporter, partner, flow, period, year, hs_edition, chapter,
        greatest(sum(usd), coalesce(max(stated), 0)) AS usd, sum(placed) AS placed
    FROM (
        SELECT * EXCLUDE (heading), left(heading, 2) AS chapter, NULL AS stated FROM heading
        UNION ALL BY NAME
        SELECT reporter, partner, flow, period, year, hs_edition, hs_code AS chapter, 0.0 AS usd, 0.0 AS placed,
            value_usd AS stated
        FROM customs_used_{freq} WHERE hs_level = 2
    ) GROUP BY ALL
),
total AS (
    SELECT reporter, partner, flow, period, year, hs_edition, max(stated) AS usd, sum(usd) AS placed
    FROM (
        SELECT * EXCLUDE (chapter, placed), NULL AS stated FROM chapter
        UNION ALL BY NAME
        SELECT reporter, partner, flow, period, year, hs_edition, 0.0 AS usd, value_usd AS stated
        FROM customs_used_{freq} WHERE hs_level = 0
    ) GROUP BY ALL HAVING max(stated) IS NOT NULL
),
rest AS (
    SELECT * EXCLUDE (chapter), chapter || '????' AS hs_code FROM chapter
    UNION ALL BY NAME
    SELECT *, '??????' AS hs_code FROM total
)
SELECT reporter, partner, flow, period, year, hs_edition, hs_code, usd - placed AS value_usd,
    NULL::DOUBLE AS cif_usd, NULL::DOUBLE AS fob_usd, NULL::DOUBLE AS net_kg, NULL::DOUBLE AS estimated_kg,
    false AS hs_split,
    'unallocated' AS conversion
FROM rest, p WHERE usd - placed > p.tolerance * usd + 1
"""

_CONVERTED = """
SELECT reporter, partner, flow, period, year, hs_edition, hs_code,
    sum(value_usd) AS value_usd,
    -- A sum of which a part is unknown is unknown.
    CASE WHEN count(cif_usd) = count(*) THEN sum(cif_usd) END AS cif_usd,
    CASE WHEN count(fob_usd) = count(*) THEN sum(fob_usd) END AS fob_usd,
    CASE WHEN count(net_kg) = count(*) THEN sum(net_kg) END AS net_kg,
    coalesce(sum(estimated_kg), 0) / nullif(sum(coalesce(net_kg, estimated_kg)), 0) AS net_kg_estimated_share,
    bool_or(hs_split) AS hs_split,
    count(*) AS n_source_codes,
    CASE
        WHEN bool_or(conversion = 'unallocated') THEN 'unallocated'
        WHEN bool_or(conversion = 'correspondence') THEN 'correspondence'
        ELSE min(conversion)
    END AS conversion
FROM (FROM customs_placed UNION ALL BY NAME ({unplaced}))
GROUP BY ALL
"""


def use_one_edition(con: duckdb.DuckDBPyConnection, freq: str) -> None:
    """Create ``customs_used_<freq>``: each report once, in the edition that its reporter filed the period in."""
    con.execute(_USED.format(freq=freq))


def converted(con: duckdb.DuckDBPyConnection, freq: str) -> duckdb.DuckDBPyRelation:
    """Reports of frequency ``A`` or ``M`` in HS2012, one row per reporter, partner, flow, period and code."""
    con.execute(_LINKS)
    use_one_edition(con, freq)
    con.execute(_PLACED.format(freq=freq))
    return con.sql(_CONVERTED.format(unplaced=_UNPLACED.format(freq=freq)))
