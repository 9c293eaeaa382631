"""What funding and policy surround it? Preferences, markets, prices, tariffs, credit and caveats of every chain.

Figures by market come from the export potential, so they rest on its five-year means and on the goods it judges.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.export_access import IN_FORCE

_RUSSIAN = """MAP {
    'full': 'все товары', 'partial': 'часть товаров', 'exceptions': 'все товары с изъятиями', 'zero': 'без пошлины',
    'reduced': 'сниженная пошлина', 'mfn': 'пошлина режима наибольшего благоприятствования', 'export': 'экспорт',
    'import': 'импорт'
}"""
"""Codes of regimes and borders in Russian; the English notes hold the codes, which are English words."""

_QUERY = f"""
WITH p AS (
    SELECT parameter('epi_top_markets')::INTEGER AS top
),
key AS (
    SELECT b.baseline_id, b.first_year, b.last_year, c.iso3, d.chain
    FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN dim_chain d
    WHERE c.focus AND b.last_year IS NOT NULL
),
pair AS (
    SELECT e.baseline_id, e.iso3, e.chain, e.market, e.actual_usd, e.untapped_usd,
        m.regimes, m.tariff_basis, m.tariff_usual, m.tariff_factor
    FROM mart_export_potential_chain e LEFT JOIN mart_market_ease m USING (baseline_id, iso3, market)
    WHERE e.market <> 'WLD'
),
whole AS (
    SELECT baseline_id, iso3, chain,
        nullif(sum(actual_usd ORDER BY market), 0) AS actual_usd,
        nullif(sum(untapped_usd ORDER BY market), 0) AS untapped_usd
    FROM pair GROUP BY ALL
),
in_force AS (
    SELECT DISTINCT b.baseline_id, b.last_year, r.exporter AS iso3, r.importer AS market, r.regime, r.coverage,
        r.treatment, r.free_trade, r.verified, r.name_en, r.name_ru
    FROM dim_baseline b JOIN dim_preference_regime r ON {IN_FORCE.format(year="b.last_year")}
),
preferred AS (
    SELECT baseline_id, iso3, market, bool_or(free_trade) AS free_trade FROM in_force GROUP BY ALL
),
covered AS (  -- how much of the chain's trade goes where preferences are in force
    SELECT k.baseline_id, k.iso3, k.chain, s.item, s.place, s.name_en, s.name_ru,
        coalesce(sum(r.actual_usd ORDER BY r.market) FILTER (s.item = 'any' OR f.free_trade), 0)
            / any_value(w.actual_usd) AS share_exports,
        coalesce(sum(r.untapped_usd ORDER BY r.market) FILTER (s.item = 'any' OR f.free_trade), 0)
            / any_value(w.untapped_usd) AS share_untapped,
        any_value(k.last_year) AS year
    FROM key k CROSS JOIN (VALUES
        ('any', 1, 'Markets with a preference of any kind', 'Рынки с преференцией любого вида'),
        ('free_trade', 2, 'Markets with zero duty on all or nearly all goods',
            'Рынки с нулевой пошлиной на все или почти все товары')
    ) s(item, place, name_en, name_ru)
    LEFT JOIN whole w USING (baseline_id, iso3, chain)
    LEFT JOIN (pair r JOIN preferred f USING (baseline_id, iso3, market))
        ON r.baseline_id = k.baseline_id AND r.iso3 = k.iso3 AND r.chain = k.chain
    GROUP BY ALL
),
regime AS (  -- regimes overlap, as in law: their shares do not add up
    SELECT k.baseline_id, k.iso3, k.chain, f.regime AS item,
        coalesce(sum(r.actual_usd ORDER BY r.market), 0) / any_value(w.actual_usd) AS share_exports,
        coalesce(sum(r.untapped_usd ORDER BY r.market), 0) / any_value(w.untapped_usd) AS share_untapped,
        any_value(f.name_en ORDER BY f.market) AS name_en, any_value(f.name_ru ORDER BY f.market) AS name_ru,
        min(f.coverage) || ', ' || min(f.treatment) || CASE WHEN bool_and(f.verified) THEN '' ELSE ', unverified' END
            AS note_en,
        {_RUSSIAN}[min(f.coverage)] || ', ' || {_RUSSIAN}[min(f.treatment)]
            || CASE WHEN bool_and(f.verified) THEN '' ELSE ', не проверено' END AS note_ru,
        any_value(k.last_year) AS year
    FROM key k JOIN in_force f USING (baseline_id, iso3)
    LEFT JOIN whole w USING (baseline_id, iso3, chain)
    LEFT JOIN pair r ON r.baseline_id = k.baseline_id AND r.iso3 = k.iso3 AND r.chain = k.chain AND r.market = f.market
    GROUP BY ALL
),
ranked AS (
    SELECT r.*, actual_usd / w.actual AS share_exports, untapped_usd / w.untapped AS share_untapped,
        row_number() OVER (chain_of ORDER BY actual_usd DESC, market) AS by_exports,
        row_number() OVER (chain_of ORDER BY untapped_usd DESC, market) AS by_untapped
    FROM pair r
    JOIN (SELECT baseline_id, iso3, chain, actual_usd AS actual, untapped_usd AS untapped FROM whole) w
        USING (baseline_id, iso3, chain)
    WINDOW chain_of AS (PARTITION BY baseline_id, iso3, chain)
),
market AS (
    SELECT r.baseline_id, r.iso3, r.chain, r.market AS item, r.by_exports AS place, c.name_en, c.name_ru,
        100 * r.tariff_usual AS value, '%' AS unit, b.last_year AS year, r.share_exports, r.share_untapped,
        r.tariff_factor, r.tariff_basis, r.regimes
    FROM ranked r JOIN dim_country c ON c.iso3 = r.market JOIN dim_baseline b USING (baseline_id) CROSS JOIN p
    WHERE (r.by_exports <= p.top AND r.actual_usd > 0) OR (r.by_untapped <= p.top AND r.untapped_usd > 0)
),
price AS (  -- the newest year of the window that knows it
    SELECT k.baseline_id, k.iso3, k.chain, m.year, m.nrp_lite, m.nrp_lite_confidence, m.nrp_basis
    FROM key k LEFT JOIN mart_chain_production m ON m.iso3 = k.iso3 AND m.chain = k.chain
        AND m.year BETWEEN k.first_year AND k.last_year AND m.nrp_lite IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY k.baseline_id, k.iso3, k.chain ORDER BY m.year DESC) = 1
),
national AS (
    SELECT k.baseline_id, k.iso3, k.chain, n.topic, n.place::BIGINT AS place, n.indicator AS item,
        coalesce(i.name_en, n.name_en) AS name_en, coalesce(i.name_ru, n.name_ru) AS name_ru,
        e.value, i.unit, e.value_year AS year, e.decay AS confidence, n.note_en, n.note_ru
    FROM key k CROSS JOIN cat_policy_indicator n
    LEFT JOIN dim_indicator i ON i.indicator = n.indicator AND i.dataset = n.dataset
    LEFT JOIN mart_enabling e ON e.iso3 = k.iso3 AND e.indicator = n.indicator AND e.dataset = n.dataset
        AND e.year = k.last_year
),
found AS (
    SELECT 'preference' AS topic, item, place, name_en, name_ru, 100 * share_exports AS value, '%' AS unit, year,
        share_exports, share_untapped, baseline_id, iso3, chain,
        CASE WHEN share_exports IS NULL THEN 'no_exports' ELSE '' END AS reason
    FROM covered
    UNION ALL BY NAME
    SELECT 'regime' AS topic, *, 100 * share_exports AS value, '%' AS unit,
        row_number() OVER (PARTITION BY baseline_id, iso3, chain ORDER BY share_exports DESC, item) AS place,
        CASE WHEN share_exports IS NULL THEN 'no_exports' ELSE '' END AS reason
    FROM regime
    UNION ALL BY NAME
    SELECT 'market' AS topic, *, CASE WHEN value IS NULL THEN 'no_tariff_data' ELSE '' END AS reason FROM market
    UNION ALL BY NAME
    SELECT 'price' AS topic, 'nrp_lite' AS item, 1 AS place,
        'Nominal rate of protection with an assumed access cost' AS name_en,
        'Номинальная норма защиты при принятых издержках доступа' AS name_ru,
        nrp_lite AS value, 'share' AS unit, year, nrp_lite_confidence AS confidence,
        'Border taken: ' || nrp_basis AS note_en,
        'Граница: ' || {_RUSSIAN}[nrp_basis] AS note_ru, baseline_id, iso3, chain,
        CASE WHEN nrp_lite IS NULL THEN 'no_source' ELSE '' END AS reason
    FROM price
    UNION ALL BY NAME
    SELECT *, CASE WHEN value IS NULL THEN 'no_source' ELSE '' END AS reason FROM national
    UNION ALL BY NAME
    SELECT 'caveat' AS topic, v.flag AS item,
        row_number() OVER (PARTITION BY k.baseline_id, k.iso3, k.chain ORDER BY v.flag) AS place,
        v.flag AS name_en, v.flag AS name_ru, v.en AS note_en, v.ru AS note_ru, k.baseline_id, k.iso3, k.chain,
        'text_only' AS reason
    FROM key k JOIN cat_caveat v USING (iso3, chain)
)
SELECT *, topic IN ('own_tariff', 'credit', 'public_support') AS national FROM found
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country, chain, topic and item."""
    return con.sql(_QUERY)
