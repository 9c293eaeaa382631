"""Jobs per million dollars of chain output in each baseline window, and in its untapped potential, as a band."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.marts.parameters import parameters
from agrocluster.measures import jobs
from agrocluster.model.arrays import to_arrow, to_numpy

_QUERY = """
WITH p AS (
    SELECT
        parameter('window_years')::INTEGER AS span,
        parameter('window_min_years') AS min_years
),
key AS (
    SELECT b.baseline_id, b.last_year, c.iso3, d.chain, p.span, p.min_years
    FROM dim_baseline b CROSS JOIN dim_country c CROSS JOIN dim_chain d CROSS JOIN p
    WHERE c.focus
),
people AS (  -- labour force x employed share of it x share of agriculture, in years that know all three
    SELECT f.iso3, f.year,
        any_value(value) FILTER (indicator = parameter_text('labour_force_indicator'))
            * (1 - any_value(value) FILTER (indicator = parameter_text('unemployment_indicator')) / 100)
            * any_value(value) FILTER (indicator = parameter_text('agri_employment_indicator')) / 100 AS persons
    FROM fact_indicator f JOIN dim_country c USING (iso3)
    WHERE c.focus GROUP BY ALL
),
employed AS (
    SELECT b.baseline_id, e.iso3, avg(e.persons ORDER BY e.year) AS persons, count(e.persons) AS n_years
    FROM dim_baseline b CROSS JOIN p
    JOIN people e ON e.year BETWEEN b.last_year - p.span + 1 AND b.last_year
    GROUP BY ALL
),
output AS (
    SELECT k.baseline_id, k.iso3, k.chain,
        any_value(m.gpv_share_w3) FILTER (m.year = k.last_year) AS share,
        CASE WHEN count(m.gpv_usd) >= any_value(k.min_years) THEN avg(m.gpv_usd ORDER BY m.year) END AS usd
    FROM key k JOIN mart_chain_production m
        ON m.iso3 = k.iso3 AND m.chain = k.chain AND m.year BETWEEN k.last_year - k.span + 1 AND k.last_year
    GROUP BY ALL
)
SELECT k.baseline_id, k.iso3, k.chain,
    CASE WHEN e.n_years >= k.min_years THEN e.persons END AS agri_employment,
    coalesce(e.n_years, 0) / k.span AS known_years,
    o.share AS output_share, o.usd AS output_usd,
    l.labour_class, l.factor_low, l.factor, l.factor_high,
    u.untapped_usd
FROM key k JOIN cat_labour_intensity l USING (chain)
LEFT JOIN employed e USING (baseline_id, iso3)
LEFT JOIN output o USING (baseline_id, iso3, chain)
LEFT JOIN mart_export_potential_chain u
    ON u.baseline_id = k.baseline_id AND u.iso3 = k.iso3 AND u.chain = k.chain AND u.market = 'WLD'
ORDER BY k.baseline_id, k.iso3, k.chain
"""
_NUMBERS = (
    "agri_employment",
    "known_years",
    "output_share",
    "output_usd",
    "factor_low",
    "factor",
    "factor_high",
    "untapped_usd",
)
_RESULT = """
SELECT * EXCLUDE (output_share, output_usd, known_years, per_usd_m, per_usd_m_low, per_usd_m_high, low, high),
    per_usd_m AS jobs_per_usd_m, per_usd_m_low AS jobs_per_usd_m_low, per_usd_m_high AS jobs_per_usd_m_high,
    low AS jobs_low, high AS jobs_high,
    CASE WHEN low IS NOT NULL THEN {ceiling} * known_years END AS jobs_confidence,
    CASE
        WHEN agri_employment IS NULL THEN 'no_employment'
        WHEN output_share IS NULL OR output_usd IS NULL THEN 'no_output_value'
        WHEN per_usd_m IS NULL THEN 'no_output'
        WHEN untapped_usd IS NULL THEN 'no_product'
        ELSE ''
    END AS reason
FROM chain_jobs
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, focus country and chain."""
    known = con.sql(_QUERY).to_arrow_table()
    n = {name: to_numpy(known[name]) for name in _NUMBERS}
    chains = (-1, con.table("dim_chain").shape[0])
    mean = jobs.mean_factor(n["output_share"].reshape(chains), n["factor"].reshape(chains))
    found = jobs.jobs_band(
        n["agri_employment"],
        n["output_share"],
        n["output_usd"],
        (n["factor_low"], n["factor"], n["factor_high"]),
        np.repeat(mean, chains[1]),
        n["untapped_usd"],
    )
    figures = pa.table({name: to_arrow(values) for name, values in vars(found).items()})
    for name in figures.column_names:
        known = known.append_column(name, figures[name])
    con.register("chain_jobs", known)
    return con.sql(_RESULT.format(ceiling=parameters(con)["jobs_max_confidence"]))
