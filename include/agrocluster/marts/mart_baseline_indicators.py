"""Every indicator behind every baseline cell: value, scale, score, and the weight with which it carried the score.

The full definition is kept in view: indicators that are not measured yet, do not apply or are missing have a row
with the reason. Pillar rules of method 9.5 are applied here; pillars are put together in mart_cluster_baseline.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.index_values import values_query

_QUERY = """
WITH p AS (
    SELECT
        parameter('pillar_min_weight') AS min_weight,
        parameter('pillar_min_indicators') AS min_indicators,
        parameter('index_min_pillars') AS min_pillars
),
key AS (
    SELECT b.baseline_id, b.last_year, c.iso3, c.focus, ch.chain, ch.yield_of,
        i.* RENAME (weight AS own_weight), pl.sub_index, pl.weight AS pillar_weight, pl.required
    FROM dim_baseline b
    CROSS JOIN dim_country c CROSS JOIN dim_chain ch
    CROSS JOIN cat_index_indicator i JOIN cat_pillar pl USING (pillar)
    WHERE c.focus OR c.panel
),
scored AS (
    SELECT k.*, v.raw, v.y, g.goalpost_low AS low, g.goalpost_high AS high, g.goalpost_id,
        k.applies_to = 'all' OR k.applies_to = k.yield_of AS applies,
        applies AND k.expression IS NOT NULL AND (k.scope = 'panel' OR k.focus) AS expected,
        g.status NOT IN ('too_few_values', 'no_spread') AS scaled,
        CASE WHEN expected AND scaled THEN 1 + 99 * (v.y - low) / (high - low) END AS score_unclipped,
        CASE WHEN score_unclipped IS NOT NULL THEN greatest(1, least(100, score_unclipped)) END AS score
    FROM key k
    LEFT JOIN ({values}) v USING (baseline_id, iso3, chain, indicator)
    LEFT JOIN mart_goalposts g ON g.kind = 'index' AND g.indicator = k.indicator
),
in_pillar AS (
    SELECT *,
        coalesce(sum(own_weight) FILTER (applies) OVER pillar_of, 0) AS full_weight,
        coalesce(sum(own_weight) FILTER (expected) OVER pillar_of, 0) AS expected_weight,
        count(*) FILTER (expected) OVER pillar_of AS n_expected,
        coalesce(sum(own_weight) FILTER (score IS NOT NULL) OVER pillar_of, 0) AS known_weight,
        count(score) OVER pillar_of AS n_known,
        coalesce(sum(own_weight) FILTER (expected AND scope = 'panel') OVER pillar_of, 0) AS expected_common,
        count(*) FILTER (expected AND scope = 'panel') OVER pillar_of AS n_expected_common,
        coalesce(sum(own_weight) FILTER (score IS NOT NULL AND scope = 'panel') OVER pillar_of, 0) AS known_common,
        count(score) FILTER (scope = 'panel') OVER pillar_of AS n_known_common,
        count(*) FILTER (anchor) OVER pillar_of = 0
            OR count(score) FILTER (anchor) OVER pillar_of > 0 AS anchored
    FROM scored
    WINDOW pillar_of AS (PARTITION BY baseline_id, iso3, chain, pillar)
),
ruled AS (
    SELECT i.*, p.min_pillars,
        n_known > 0 AND anchored AND known_weight >= p.min_weight * expected_weight
            AND n_known >= least(p.min_indicators, n_expected) AS pillar_exists,
        n_known_common > 0 AND anchored AND known_common >= p.min_weight * expected_common
            AND n_known_common >= least(p.min_indicators, n_expected_common) AS pillar_compares
    FROM in_pillar i, p
),
pillars AS (
    SELECT baseline_id, iso3, chain, sub_index,
        sum(pillar_weight) AS all_weight,
        coalesce(sum(pillar_weight) FILTER (pillar_exists), 0) AS existing_weight,
        count(*) FILTER (pillar_exists) >= any_value(min_pillars) AND bool_and(pillar_exists) FILTER (required)
            AS index_exists
    FROM (
        SELECT DISTINCT baseline_id, iso3, chain, sub_index, pillar, pillar_weight, pillar_exists, required, min_pillars
        FROM ruled
    ) GROUP BY ALL
)
SELECT
    r.baseline_id, r.iso3, r.chain, r.sub_index, r.pillar, r.indicator, r.focus,
    r.en AS name_en, r.ru AS name_ru, r.basis, r.transform,
    r.raw AS raw_value,
    r.unit,
    r.y AS transformed,
    r.low AS goalpost_low,
    r.high AS goalpost_high,
    r.goalpost_id,
    r.score,
    r.score_unclipped,
    r.pillar_exists,
    pl.index_exists,
    CASE WHEN r.applies THEN r.pillar_weight / pl.all_weight * r.own_weight / r.full_weight ELSE 0 END
        AS nominal_weight,
    CASE WHEN r.pillar_exists AND r.score IS NOT NULL THEN r.own_weight / r.known_weight ELSE 0 END
        AS weight_in_pillar,
    CASE WHEN r.pillar_compares AND r.score IS NOT NULL AND r.scope = 'panel'
        THEN r.own_weight / r.known_common ELSE 0 END AS weight_in_common,
    CASE WHEN r.pillar_exists AND r.score IS NOT NULL AND pl.index_exists
        THEN r.pillar_weight / pl.existing_weight * r.own_weight / r.known_weight ELSE 0 END AS effective_weight,
    CASE
        WHEN r.score IS NOT NULL THEN ''
        WHEN NOT r.applies THEN 'not_applicable'
        WHEN r.reason IS NOT NULL THEN r.reason
        WHEN NOT r.expected THEN 'focus_countries_only'
        WHEN r.last_year IS NULL THEN 'no_baseline_window'
        WHEN r.raw IS NULL THEN 'no_source'
        ELSE 'no_goalposts'
    END AS reason
FROM ruled r JOIN pillars pl USING (baseline_id, iso3, chain, sub_index)
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, country, chain and indicator of the index version."""
    return con.sql(_QUERY.format(values=values_query(con)))
