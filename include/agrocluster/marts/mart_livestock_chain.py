"""Livestock chains read from left to right: feed, herd, animal, plant, market, by-products, support (method 5.7).

What answers which step of which chain is catalogue data (``value_chains/chain_measures.csv``): a measure is one line
with the mart it is read from and the question it answers. This module joins them and sets each value beside the
yield peers; it computes no measure of its own.
"""

from __future__ import annotations

import duckdb

from agrocluster.marts.parameters import parameters

_READERS = """
-- Which chain's figures a line reads: its own, or those of the chains it is linked with.
CREATE OR REPLACE TEMP TABLE reader AS
WITH wanted AS (
    SELECT position, read, unnest(string_split(chains, ' ')) AS chain FROM cat_chain_measure
)
SELECT w.position, w.chain, coalesce(l.other, w.chain) AS read_chain
FROM wanted w
LEFT JOIN (
    SELECT 'fed_by' AS read, chain_b AS chain, chain_a AS other FROM dim_chain_link WHERE link_type = 'feed'
    UNION ALL
    SELECT 'made_from', chain_b, chain_a FROM dim_chain_link WHERE link_type = 'by_product'
    UNION ALL
    SELECT 'makes', chain_a, chain_b FROM dim_chain_link WHERE link_type = 'by_product'
) l USING (read, chain)
WHERE w.read = 'own' OR l.other IS NOT NULL
"""

_QUERY = """
WITH found AS ({values}),
peers AS (
    SELECT position, chain, read_chain, year, median(value) AS peer_median,
        quantile_cont(value, {reference}) AS peer_p90,
        quantile_cont(value, {strong}) AS upper, quantile_cont(value, 1 - {strong}) AS lower,
        count(value) AS n_peers
    FROM found JOIN dim_country c USING (iso3) WHERE c.yield_peer AND value IS NOT NULL GROUP BY ALL
)
SELECT
    f.iso3, c.focus, f.chain, m.step, m.measure, f.read_chain, f.year, m.position::SMALLINT AS position,
    f.value, m.unit, m.direction,
    CASE WHEN p.n_peers >= {min_peers} THEN p.peer_median END AS peer_median,
    CASE WHEN p.n_peers >= {min_peers} THEN p.peer_p90 END AS peer_p90,
    coalesce(p.n_peers, 0) AS n_peers,
    CASE
        WHEN f.value IS NULL THEN 'unknown'
        WHEN m.direction = 'context' THEN 'context'
        WHEN coalesce(p.n_peers, 0) < {min_peers} THEN 'not_compared'
        WHEN f.value = p.peer_median THEN 'typical'
        WHEN f.value >= p.upper THEN CASE m.direction WHEN '+' THEN 'strong' ELSE 'weak' END
        WHEN f.value <= p.lower THEN CASE m.direction WHEN '+' THEN 'weak' ELSE 'strong' END
        ELSE 'typical'
    END AS reading,
    m.question_en, m.question_ru, m.source,
    CASE WHEN f.value IS NOT NULL THEN '' ELSE coalesce(nullif(m.reason, ''), 'no_source') END AS reason
FROM found f
JOIN cat_chain_measure m USING (position)
JOIN dim_country c USING (iso3)
LEFT JOIN peers p USING (position, chain, read_chain, year)
WHERE c.focus OR f.value IS NOT NULL
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per country (focus and yield peers), chain, step, measure, chain read from and year."""
    con.execute(_READERS)
    lines = con.sql("SELECT position, mart, row_filter, expression FROM cat_chain_measure ORDER BY position").fetchall()
    values = "\nUNION ALL\n".join(_values(con, *line) for line in lines)
    defaults = parameters(con)
    return con.sql(
        _QUERY.format(
            values=values,
            reference=defaults["yield_ref_quantile"],
            strong=defaults["reading_quantile"],
            min_peers=defaults["reading_min_peers"],
        )
    )


def _values(con: duckdb.DuckDBPyConnection, position: float, mart: str, row_filter: str, expression: str) -> str:
    """The values of one line; a line that nothing measures yet has rows without value for the focus countries."""
    columns = f"{position} AS position, r.chain, r.read_chain"
    if not expression:
        return f"""
            SELECT {columns}, c.iso3, y.year, NULL::DOUBLE AS value
            FROM reader r CROSS JOIN dim_country c
            CROSS JOIN (SELECT DISTINCT year FROM mart_chain_production) y
            WHERE r.position = {position} AND c.focus"""
    held = con.sql(f"FROM {mart} LIMIT 0").columns
    of_chain = "chain" in held
    rows = f"(FROM {mart} WHERE {row_filter})"
    if "year" not in held:
        # A measure of baseline windows stands in the year that ends one; a year ends two where windows coincide.
        rows = f"""(SELECT m.*, b.last_year AS year FROM {rows} m JOIN dim_baseline b USING (baseline_id)
            WHERE b.last_year IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY m.iso3, m.chain, b.last_year ORDER BY baseline_id) = 1)"""
    return f"""
        SELECT {columns}, m.iso3, m.year, ({expression})::DOUBLE AS value
        FROM {rows} m JOIN reader r ON r.position = {position} {"AND r.read_chain = m.chain" if of_chain else ""}
        JOIN dim_country c USING (iso3)
        WHERE c.focus OR c.yield_peer"""
