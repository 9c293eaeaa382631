"""The scale of every score: P5 and P95 in the reference baseline window, under one id (methodology 8, 9.4).

The first frozen baseline of the index version fixes the scale: from then on every release uses it, whatever happens to
the reference years. Before that the scale belongs to the release: it is taken from the vintages that the release was
made of, and a revision moves it and its id. Scores of two releases compare only where goalpost_id is the same.

Index indicators are scaled on the panel's chains, enabling indicators on the world. Where the reference window
holds too few values the current window stands in, and the row says so. A new scale is a new index version.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.index_values import values_query
from agrocluster.marts.parameters import parameters

_QUERY = """
WITH p AS (
    SELECT
        parameter('goalpost_min_values') AS min_values,
        parameter('carry_max_years') AS carry
),
measured AS (
    SELECT 'index' AS kind, baseline_id, indicator, y
    FROM ({values}) v JOIN dim_country c USING (iso3) WHERE c.panel
    UNION ALL
    SELECT 'enabling', b.baseline_id, f.indicator, arg_max(f.value, f.year)
    FROM dim_baseline b CROSS JOIN p
    JOIN fact_indicator f ON f.year BETWEEN b.last_year - p.carry AND b.last_year
    JOIN dim_indicator i USING (dataset, indicator)
    WHERE f.value IS NOT NULL AND i.direction IN ('+', '-')
    GROUP BY b.baseline_id, f.indicator, f.dataset, f.iso3
),
spread AS (
    SELECT m.kind, m.indicator, m.baseline_id, b.is_reference, p.min_values,
        quantile_cont(m.y, {low}) AS low,
        quantile_cont(m.y, {high}) AS high,
        count(*) AS n_values,
        count(DISTINCT m.y) AS n_distinct,
        -- Moments are sums: taken in one order, their last bit does not depend on how rows arrive.
        skewness(m.y ORDER BY m.y) AS skewness, kurtosis(m.y ORDER BY m.y) AS excess_kurtosis
    FROM measured m JOIN dim_baseline b USING (baseline_id) CROSS JOIN p
    GROUP BY ALL
),
chosen AS (
    SELECT * FROM spread WHERE n_distinct >= min_values
    QUALIFY row_number() OVER (PARTITION BY kind, indicator ORDER BY is_reference DESC, baseline_id) = 1
),
wanted AS (
    SELECT 'index' AS kind, indicator, transform, goalpost_low, goalpost_high, en, ru
    FROM cat_index_indicator WHERE expression IS NOT NULL
    UNION ALL
    SELECT 'enabling', indicator, 'identity', NULL, NULL, name_en, name_ru
    FROM dim_indicator WHERE direction IN ('+', '-')
),
line AS (
    SELECT w.kind, w.indicator, w.en AS name_en, w.ru AS name_ru, w.transform,
        coalesce(w.goalpost_low, c.low) AS goalpost_low,
        coalesce(w.goalpost_high, c.high) AS goalpost_high,
        CASE WHEN w.goalpost_low IS NULL THEN c.baseline_id END AS baseline_id,
        c.n_values, c.n_distinct, c.skewness, c.excess_kurtosis,
        CASE
            WHEN w.goalpost_low IS NOT NULL THEN 'fixed'
            WHEN c.indicator IS NULL THEN 'too_few_values'
            WHEN c.low = c.high THEN 'no_spread'
            WHEN NOT c.is_reference THEN 'current_window'
            ELSE 'reference_window'
        END AS status
    FROM wanted w LEFT JOIN chosen c USING (kind, indicator)
),
held AS (  -- the scale of the first frozen baseline of this index version
    FROM frozen_goalposts WHERE frozen_order = (
        SELECT min(frozen_order) FROM frozen_baseline
        WHERE index_version = (SELECT any_value(index_version) FROM cat_baseline)
    )
),
scale AS (
    FROM line ANTI JOIN held USING (kind, indicator)
    UNION ALL
    SELECT w.kind, w.indicator, w.name_en, w.name_ru, w.transform, h.goalpost_low, h.goalpost_high, h.baseline_id,
        h.n_values, h.n_distinct, h.skewness, h.excess_kurtosis,
        CASE WHEN h.status IN ('too_few_values', 'no_spread') THEN h.status ELSE 'frozen' END AS status
    FROM line w JOIN held h USING (kind, indicator)
),
identity AS (
    SELECT (SELECT any_value(index_version) FROM cat_baseline) || '-' || left(md5(
        string_agg(concat_ws(':', kind, indicator, goalpost_low, goalpost_high), '|' ORDER BY kind, indicator)
    ), 8) AS goalpost_id
    FROM scale
)
SELECT goalpost_id, scale.* FROM scale CROSS JOIN identity
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per scored indicator."""
    method = parameters(con)
    return con.sql(_QUERY.format(values=values_query(con), low=method["goalpost_low"], high=method["goalpost_high"]))
