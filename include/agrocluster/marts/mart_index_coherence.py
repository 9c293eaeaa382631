"""Whether the parts of the index belong together, for every baseline: the audit of method 9.1, step 4.

Figures come from ``measures.coherence`` over the cells of focus and panel countries; verdicts from the thresholds
``coherence_*``. It tells and changes nothing: what is done about a weak pillar is a decision on the index version.
Figures are rounded to six decimals, so that the last bits of a matrix routine never reach a release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts.parameters import parameters
from agrocluster.measures import coherence
from agrocluster.measures.safe import Floats, divide
from agrocluster.measures.weights import pca_weights
from agrocluster.model.arrays import texts_to_arrow, to_arrow, to_numpy

ALL = "all"
"""Stands where a figure is not of one sub-index, pillar or indicator."""
_DECIMALS = 6
_LINES = """
SELECT indicator, pillar, sub_index, avg(nominal_weight) AS weight
FROM mart_baseline_indicators GROUP BY ALL ORDER BY sub_index DESC, pillar, indicator
"""
_PILLARS = "SELECT pillar, sub_index, weight FROM cat_pillar ORDER BY sub_index DESC, pillar"
_CELLS = "SELECT DISTINCT iso3, chain FROM mart_baseline_indicators WHERE baseline_id = $baseline"
_INDICATORS = f"""
SELECT i.score, i.transformed
FROM ({_CELLS}) c CROSS JOIN ({_LINES}) l
LEFT JOIN (FROM mart_baseline_indicators WHERE baseline_id = $baseline) i USING (iso3, chain, indicator)
ORDER BY c.iso3, c.chain, l.sub_index DESC, l.pillar, l.indicator
"""
_SCORES = """
SELECT {columns} FROM ({cells}) c
LEFT JOIN (FROM mart_cluster_baseline WHERE baseline_id = $baseline) USING (iso3, chain) ORDER BY iso3, chain
"""
_JUDGED = """
WITH p AS (
    SELECT
        parameter('coherence_min_cells') AS min_cells,
        parameter('coherence_r_min') AS r_min,
        parameter('coherence_r_max') AS r_max,
        parameter('coherence_skew_max') AS skew_max,
        parameter('coherence_kurtosis_max') AS kurtosis_max,
        parameter('coherence_alpha_min') AS alpha_min,
        parameter('coherence_importance_min') AS importance_min
),
known AS (
    SELECT f.* REPLACE (CASE WHEN n >= min_cells THEN value END AS value), p.* FROM found f, p
),
beside AS ( -- the rule of thumb on outliers asks for both moments; importance is held against the nominal weight
    SELECT *,
        any_value(value) FILTER (statistic = 'skewness') OVER same AS skew,
        any_value(value) FILTER (statistic = 'excess_kurtosis') OVER same AS kurtosis,
        any_value(value) FILTER (statistic = 'nominal_weight') OVER same AS nominal
    FROM known WINDOW same AS (PARTITION BY baseline_id, level, sub_index, pillar, indicator, other)
)
SELECT baseline_id, level, sub_index, pillar, indicator, other, statistic, value, n,
    CASE
        WHEN value IS NULL THEN 'too_few'
        WHEN statistic IN ('skewness', 'excess_kurtosis')
            THEN CASE WHEN abs(skew) > skew_max AND kurtosis > kurtosis_max THEN 'skewed' ELSE 'ok' END
        WHEN statistic = 'cronbach_alpha'
            THEN CASE WHEN value < 0 THEN 'negative' WHEN value < alpha_min THEN 'weak' ELSE 'ok' END
        WHEN statistic = 'importance_share'
            THEN CASE WHEN value < importance_min * nominal THEN 'weak' ELSE 'ok' END
        WHEN statistic NOT IN ('pearson', 'spearman') OR level = 'index' THEN 'none'
        WHEN level = 'indicator_pair' AND pillar = 'all'
            THEN CASE WHEN abs(value) > r_max THEN 'redundant' ELSE 'none' END
        WHEN value < 0 THEN 'negative'
        WHEN value < r_min THEN 'weak'
        WHEN value > r_max AND level <> 'indicator' THEN 'redundant' -- a part may be close to its whole
        ELSE 'ok'
    END AS verdict,
    CASE WHEN value IS NOT NULL THEN '' WHEN n < min_cells THEN 'too_few_cells' ELSE 'no_spread' END AS reason
FROM beside
"""


@dataclass(frozen=True)
class _Part:
    """An indicator or a pillar: where it stands, and its nominal weight in the sub-index, mean of all cells."""

    name: str
    pillar: str
    sub_index: str
    weight: float


@dataclass(frozen=True)
class _Line:
    level: str
    sub_index: str
    pillar: str
    indicator: str
    other: str
    statistic: str
    value: float
    n: int


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per baseline, pair or part of the index, and statistic."""
    least = int(parameters(con)["coherence_min_cells"])
    indicators = [_Part(*row) for row in con.execute(_LINES).fetchall()]
    pillars = [_Part(name, name, sub, weight) for name, sub, weight in con.execute(_PILLARS).fetchall()]
    rows: list[tuple[str, _Line]] = []
    query = "SELECT DISTINCT baseline_id FROM mart_baseline_indicators ORDER BY baseline_id"
    for (baseline,) in con.execute(query).fetchall():
        rows += [(baseline, line) for line in _audit(con, baseline, indicators, pillars, least)]
    con.register("found", _table(rows))
    return con.sql(_JUDGED)


def _audit(
    con: duckdb.DuckDBPyConnection, baseline: str, indicators: list[_Part], pillars: list[_Part], least: int
) -> Iterator[_Line]:
    score, transformed = (
        column.reshape(-1, len(indicators)) for column in _columns(con, _INDICATORS, baseline, "score", "transformed")
    )
    subs = list(dict.fromkeys(part.sub_index for part in pillars))
    names = [part.name for part in pillars] + subs
    query = _SCORES.format(columns=", ".join(names), cells=_CELLS)
    of = dict(zip(names, _columns(con, query, baseline, *names), strict=True))
    of_pillars = np.column_stack([of[part.name] for part in pillars])

    yield from _pairs("indicator_pair", indicators, score)
    yield from _shape(indicators, transformed)
    for pillar in pillars:
        inside = [i for i, part in enumerate(indicators) if part.pillar == pillar.name]
        parts = [indicators[i] for i in inside]
        yield from _consistency("pillar", pillar.sub_index, pillar.name, score[:, inside], least)
        yield from _weights("indicator", parts, score[:, inside], of[pillar.name], pillar.name, least)
    for sub in subs:
        inside = [i for i, part in enumerate(pillars) if part.sub_index == sub]
        parts = [pillars[i] for i in inside]
        yield from _pairs("sub_index", parts, of_pillars[:, inside])
        yield from _consistency("sub_index", sub, ALL, of_pillars[:, inside], least)
        yield from _weights("sub_index", parts, of_pillars[:, inside], of[sub], sub, least)
        inside = [i for i, part in enumerate(indicators) if part.sub_index == sub]
        yield from _weights("indicator", [indicators[i] for i in inside], score[:, inside], of[sub], sub, least)
    yield from _pairs("index", [_Part(sub, ALL, sub, 1) for sub in subs], np.column_stack([of[sub] for sub in subs]))
    yield from _components("index", ALL, ALL, score, least)


def _pairs(level: str, parts: Sequence[_Part], values: Floats) -> Iterator[_Line]:
    for statistic, measure in (("pearson", coherence.correlations), ("spearman", coherence.rank_correlations)):
        r, n = measure(values)
        for i, j in combinations(range(len(parts)), 2):
            one, two = parts[i], parts[j]
            if level == "indicator_pair":
                sub = one.sub_index if one.sub_index == two.sub_index else ALL
                where = (sub, one.pillar if one.pillar == two.pillar else ALL, one.name)
            else:
                where = (one.sub_index, one.pillar, ALL)
            yield _Line(level, *where, two.name, statistic, float(r[i, j]), int(n[i, j]))


def _shape(parts: Sequence[_Part], transformed: Floats) -> Iterator[_Line]:
    n = (~np.isnan(transformed)).sum(axis=0)
    for name, measure in (("skewness", coherence.skewness), ("excess_kurtosis", coherence.excess_kurtosis)):
        for part, value, count in zip(parts, measure(transformed), n, strict=True):
            yield _Line("indicator", part.sub_index, part.pillar, part.name, ALL, name, float(value), int(count))


def _consistency(level: str, sub: str, pillar: str, values: Floats, least: int) -> Iterator[_Line]:
    kept, n = _joint(values, least)
    alpha = coherence.cronbach_alpha(values[:, kept])
    yield _Line(level, sub, pillar, ALL, ALL, "cronbach_alpha", alpha, n)
    yield from _components(level, sub, pillar, values, least)


def _components(level: str, sub: str, pillar: str, values: Floats, least: int) -> Iterator[_Line]:
    kept, n = _joint(values, least)
    found = coherence.principal_components(values[:, kept])
    for name, figures in (("pca_eigenvalue", found.eigenvalues), ("pca_explained", found.explained)):
        for i, value in enumerate(figures if len(figures) else [np.nan], start=1):
            yield _Line(level, sub, pillar, ALL, str(i), name, float(value), n)


def _weights(
    level: str, parts: Sequence[_Part], values: Floats, target: Floats, of: str, least: int
) -> Iterator[_Line]:
    """What each part decides in ``target``, beside its nominal weight among the parts that are measured."""
    found = coherence.importance(values, target)
    counted = (found.n >= least) & ~np.isnan(found.spline)
    spline = np.where(counted, found.spline, np.nan)
    nominal = np.where(counted, [part.weight for part in parts], np.nan)
    kept, n_common = _joint(values, least)
    pca = np.full(len(parts), np.nan)
    pca[kept] = pca_weights(values[:, kept])
    with_target = [coherence.correlations(np.column_stack([x, target]))[0][0, 1] for x in values.T]
    figures: dict[str, tuple[Sequence[float] | Floats, NDArray[np.int64]]] = {
        "pearson": (with_target, found.n),
        "importance_linear": (found.linear, found.n),
        "importance_spline": (found.spline, found.n),
        "importance_share": (divide(spline, np.nansum(spline)), found.n),
        "nominal_weight": (divide(nominal, np.nansum(nominal)), found.n),
        "pca_weight": (pca, np.where(kept, n_common, 0)),
    }
    for statistic, (figure, n) in figures.items():
        for part, value, count in zip(parts, figure, n, strict=True):
            indicator = part.name if level == "indicator" else ALL
            yield _Line(level, part.sub_index, part.pillar, indicator, of, statistic, float(value), int(count))


def _joint(values: Floats, least: int) -> tuple[NDArray[np.bool_], int]:
    """Parts of which every pair has a correlation over at least ``least`` cells, and the smallest number of these.

    The one that lacks most partners leaves first, of equals the later one.
    """
    r, n = coherence.correlations(values)
    open_ = np.isnan(r) | (n < least)
    kept = ~np.diagonal(open_)
    while (lacking := (open_ & kept & kept[:, None]).sum(axis=0)).any():
        kept[len(kept) - 1 - np.argmax(lacking[::-1])] = False
    return kept, int(n[np.ix_(kept, kept)].min()) if kept.any() else 0


def _columns(con: duckdb.DuckDBPyConnection, query: str, baseline: str, *names: str) -> list[Floats]:
    table = con.sql(query, params={"baseline": baseline}).to_arrow_table()
    return [to_numpy(table[name]) for name in names]


def _table(rows: Sequence[tuple[str, _Line]]) -> pa.Table:
    texts = ("level", "sub_index", "pillar", "indicator", "other", "statistic")
    # Adding zero turns -0.0 into 0.0.
    values = np.round(np.array([line.value for _, line in rows], dtype=np.float64), _DECIMALS) + 0.0
    return pa.table(
        {"baseline_id": texts_to_arrow([baseline for baseline, _ in rows])}
        | {name: texts_to_arrow([getattr(line, name) for _, line in rows]) for name in texts}
        | {"value": to_arrow(values), "n": to_arrow(np.array([line.n for _, line in rows], dtype=np.int64))}
    )
