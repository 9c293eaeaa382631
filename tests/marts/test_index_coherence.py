"""The audit of coherence says what was planted into the index, and lists it where the gate looks."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import one

from agrocluster.marts import build, relations
from agrocluster.measures import coherence
from agrocluster.model.loader import catalog

PARTS = {
    "agrees": "p1",
    "agrees_too": "p1",
    "same_thing": "p1",
    "contradicts": "p1",
    "rare": "p2",
    "skewed": "p2",
    "flat": "p2",
    "mirror": "h1",
    "apart": "h1",
}
SUB = {"p1": "position", "p2": "position", "h1": "headroom"}
CELLS = 200


def planted(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=CELLS)
    scores = {
        "agrees": common + 0.6 * rng.normal(size=CELLS),
        "agrees_too": common + 0.6 * rng.normal(size=CELLS),
        "contradicts": -common + 0.6 * rng.normal(size=CELLS),
        "rare": rng.normal(size=CELLS),
        "skewed": np.exp(2 * rng.normal(size=CELLS)),
        "flat": np.zeros(CELLS),
        "apart": rng.normal(size=CELLS),
    }
    scores["same_thing"] = scores["agrees"] + 0.1 * rng.normal(size=CELLS)
    scores["mirror"] = -scores["agrees"]
    scores["rare"][25:] = np.nan
    scores["agrees_too"][:40] = np.nan
    return {name: 50 + 10 * scores[name] / max(np.nanstd(scores[name]), 1) for name in PARTS}


def audit(scores: dict[str, np.ndarray], baselines: tuple[str, ...] = ("Bcurrent",)) -> duckdb.DuckDBPyConnection:
    """A connection with the mart as the runner makes it, over an index with these scores."""
    con = duckdb.connect()
    con.execute("SET threads = 1")
    for name, table in relations.catalog_tables(catalog()).items():
        con.register(name, table)
    con.execute(f"CREATE TABLE method_parameters AS {build._select('method_parameters', con)}")
    pillars = {p: np.nanmean([scores[n] for n, of in PARTS.items() if of == p], axis=0) for p in SUB}
    lines, cells = [], []
    for baseline in baselines:
        for cell in range(CELLS):
            key = {"baseline_id": baseline, "iso3": f"C{cell // 20:02}", "chain": f"chain{cell % 20:02}"}
            for name, pillar in PARTS.items():
                value = None if np.isnan(scores[name][cell]) else float(scores[name][cell])
                lines.append(
                    key
                    | {"indicator": name, "pillar": pillar, "sub_index": SUB[pillar], "score": value}
                    | {"transformed": value, "nominal_weight": 0.5 / list(PARTS.values()).count(pillar)}
                )
            own = {p: float(pillars[p][cell]) if p in pillars else None for p in PILLAR_NAMES}
            position = float(np.sqrt(pillars["p1"][cell] * pillars["p2"][cell]))
            cells.append(key | own | {"position": position, "headroom": own["h1"]})
    con.register("lines", pa.Table.from_pylist(lines))
    con.register("cells", pa.Table.from_pylist(cells))
    con.execute("CREATE TABLE mart_baseline_indicators AS FROM lines")
    con.execute(f"CREATE TABLE mart_cluster_baseline AS SELECT {_typed(cells[0])} FROM cells")
    con.execute(f"CREATE TABLE mart_index_coherence AS {build._select('mart_index_coherence', con)}")
    return con


PILLAR_NAMES = ("p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")


def _typed(row: dict[str, object]) -> str:
    return ", ".join(f"{n}::{'VARCHAR' if isinstance(v, str) else 'DOUBLE'} AS {n}" for n, v in row.items())


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return audit(planted())


def pair(con: duckdb.DuckDBPyConnection, a: str, b: str, statistic: str = "pearson") -> dict[str, object]:
    return one(
        con,
        f"FROM mart_index_coherence WHERE level = 'indicator_pair' AND statistic = '{statistic}' "
        f"AND [indicator, other] IN (['{a}', '{b}'], ['{b}', '{a}'])",
    )


def listed(con: duckdb.DuckDBPyConnection, rule_id: str) -> list[tuple[object, ...]]:
    (rule,) = (r for r in catalog().marts["mart_index_coherence"].rules if r.id == rule_id)
    assert rule.query is not None
    return con.sql(rule.query.replace("{table}", "mart_index_coherence")).fetchall()


def test_what_was_planted_is_found(con) -> None:
    assert pair(con, "agrees", "agrees_too")["verdict"] == "ok"
    assert pair(con, "agrees", "same_thing")["verdict"] == "redundant"
    assert pair(con, "agrees", "contradicts")["verdict"] == "negative"
    assert pair(con, "agrees", "contradicts", "spearman")["verdict"] == "negative"
    assert pair(con, "mirror", "apart")["verdict"] in ("weak", "negative")
    across = pair(con, "agrees", "mirror")
    assert (across["value"], across["verdict"], across["sub_index"], across["pillar"]) == (
        -1,
        "redundant",
        "all",
        "all",
    )
    assert pair(con, "agrees", "skewed")["verdict"] == "none", "of two pillars nothing is asked but not to be the same"
    rare, flat = pair(con, "rare", "skewed"), pair(con, "flat", "skewed")
    assert (rare["value"], rare["n"], rare["verdict"], rare["reason"]) == (None, 25, "too_few", "too_few_cells")
    assert (flat["value"], flat["n"], flat["verdict"], flat["reason"]) == (None, CELLS, "too_few", "no_spread")
    shape = "FROM mart_index_coherence WHERE statistic = 'skewness' AND indicator = "
    assert one(con, f"{shape}'skewed'")["verdict"] == "skewed"
    assert one(con, f"{shape}'agrees'")["verdict"] == "ok"


def test_the_gate_lists_contradictions_inside_pillars_and_only_these(con) -> None:
    found = {(row[1], *sorted(row[2:4])) for row in listed(con, "within_pillar_negative")}
    expected = {("p1", *sorted(("contradicts", other))) for other in ("agrees", "agrees_too", "same_thing")}
    if pair(con, "apart", "mirror")["value"] < 0:
        expected.add(("h1", "apart", "mirror"))
    assert found == expected
    assert {row[2] for row in listed(con, "part_against_its_whole")} == {"contradicts"}
    assert {row[2] for row in listed(con, "outliers_set_the_scale")} == {"skewed"}
    (rule,) = (r for r in catalog().marts["mart_index_coherence"].rules if r.id == "within_pillar_negative")
    assert rule.severity == "warning"


def test_a_coherent_index_raises_no_warning() -> None:
    scores = planted()
    rng = np.random.default_rng(3)
    for pillar in SUB:
        common = rng.normal(size=CELLS)
        for name in (n for n, p in PARTS.items() if p == pillar):
            scores[name] = 50 + 10 * common + 7 * rng.normal(size=CELLS)
    con = audit(scores)
    for rule in catalog().marts["mart_index_coherence"].rules:
        if rule.query:
            assert listed(con, rule.id) == [], rule.id
    alphas = con.sql("FROM mart_index_coherence WHERE statistic = 'cronbach_alpha' AND level = 'pillar'").fetchall()
    assert sum(row[-2] == "ok" for row in alphas) == 3


def test_every_critical_rule_holds(con) -> None:
    for rule in catalog().marts["mart_index_coherence"].rules:
        if rule.severity != "critical":
            continue
        if rule.query:
            assert listed(con, rule.id) == [], rule.id
        else:
            beyond = f"(value < {rule.min} OR value > {rule.max}) AND ({rule.where})"
            assert con.sql(f"FROM mart_index_coherence WHERE {beyond}").fetchall() == [], rule.id


def test_figures_are_those_of_the_measures_at_six_decimals(con) -> None:
    scores = planted()
    p1 = np.column_stack([scores[n] for n in sorted(PARTS) if PARTS[n] == "p1"])
    alpha = one(con, "FROM mart_index_coherence WHERE statistic = 'cronbach_alpha' AND pillar = 'p1'")
    assert alpha["value"] == round(coherence.cronbach_alpha(p1), 6)
    assert alpha["n"] == 160
    values = con.sql(
        "SELECT indicator, value FROM mart_index_coherence WHERE level = 'indicator' AND other = 'p1' "
        "AND statistic = 'importance_spline' ORDER BY indicator"
    ).fetchall()
    target = np.nanmean(p1, axis=1)
    expected = coherence.importance(p1, target).spline
    assert [v for _, v in values] == pytest.approx(expected, abs=1e-6)


def test_weights_are_shared_among_what_is_measured(con) -> None:
    rows = con.sql(
        "SELECT indicator, value, reason FROM mart_index_coherence WHERE level = 'indicator' AND other = 'p2' "
        "AND statistic = 'nominal_weight' ORDER BY indicator"
    ).fetchall()
    assert rows == [("flat", None, "no_spread"), ("rare", None, "too_few_cells"), ("skewed", 1.0, "")]
    position = con.sql(
        "SELECT indicator, value FROM mart_index_coherence WHERE level = 'indicator' AND other = 'position' "
        "AND statistic = 'nominal_weight' AND indicator IN ('agrees', 'skewed') ORDER BY indicator"
    ).fetchall()
    # 0.125 for each of four indicators of p1 and 0.1667 for the one of p2 that counts
    assert dict(position) == pytest.approx(
        {"agrees": 0.125 / (0.5 + 0.5 / 3), "skewed": 0.5 / 3 / (0.5 + 0.5 / 3)}, abs=1e-6
    )


def test_an_indicator_that_decides_far_less_than_its_weight_is_weak() -> None:
    scores = planted()
    scores["apart"] = 50 + (scores["apart"] - 50) / 20
    con = audit(scores)
    found = one(
        con,
        "FROM mart_index_coherence WHERE statistic = 'importance_share' AND other = 'h1' AND indicator = 'apart'",
    )
    assert found["verdict"] == "weak"
    assert found["value"] < 0.25


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 5), st.floats(-5, 5))
def test_a_change_of_units_leaves_correlations_and_verdicts_alone(seed: int, factor: float, shift: float) -> None:
    scores = planted(seed)
    columns = "level, sub_index, pillar, indicator, other, statistic, round(value, 4) + 0, n, verdict"
    query = f"SELECT {columns} FROM mart_index_coherence WHERE level = 'indicator_pair' ORDER BY ALL"
    before = audit(scores).sql(query).fetchall()
    after = audit(scores | {"agrees": scores["agrees"] * factor + shift}).sql(query).fetchall()
    assert [row[:6] + row[7:] for row in before] == [row[:6] + row[7:] for row in after]
    for one_row, other in zip(before, after, strict=True):
        assert one_row[6] == pytest.approx(other[6], abs=2e-4)


def test_each_baseline_is_audited_by_itself_and_alike() -> None:
    con = audit(planted(), ("B2018_2020", "Bcurrent"))
    columns = "* EXCLUDE (baseline_id)"
    counts = [
        con.sql(f"SELECT {columns} FROM mart_index_coherence WHERE baseline_id = '{b}' ORDER BY ALL").fetchall()
        for b in ("B2018_2020", "Bcurrent")
    ]
    assert counts[0] == counts[1]
    assert len(counts[0]) > 100
