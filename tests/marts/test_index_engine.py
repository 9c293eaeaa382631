"""The engine behind the baseline: it repeats the marts exactly, its draws behave, and its scores obey their rules."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_baseline import COUNTRIES, YEARS, farmed, measured, traded
from world import World, one

from agrocluster.marts.build import define_lookups
from agrocluster.marts.index.drawn import Prices, at_prices_of, raw_values
from agrocluster.marts.index.plan import Errors, every_combination, published, random_draws
from agrocluster.marts.index.prepared import prepared
from agrocluster.measures import composite
from agrocluster.measures.composite import Structure

FORMULAS = ("rsca_agri", "nrca_ppm", "share_world", "dpr", "ui", "stage_coverage", "d_ln_rca", "upgrading_room")


@pytest.fixture(scope="module")
def con():
    return measured(farmed(traded(World()))).build()


@pytest.fixture(scope="module")
def ready(con):
    define_lookups(con)
    return prepared(con)


@pytest.mark.parametrize("indicator", FORMULAS)
def test_formulas_of_draws_are_those_of_the_marts(ready, indicator: str) -> None:
    source = ready.source
    everyone = np.ones(len(source.frame.countries), dtype=bool)
    i = source.index.column(indicator)
    for baseline in range(len(source.frame.baselines)):
        found = raw_values(source, baseline, published(source.index, source.method), countries=everyone)[0]
        expected = source.published[baseline][..., i]
        assert (~np.isnan(expected)).sum() > 100
        np.testing.assert_allclose(found[..., i], expected, rtol=1e-9, atol=1e-12)


def test_the_published_plan_gives_the_published_scores(con, ready) -> None:
    source = ready.source
    for n, name in enumerate(source.frame.baselines):
        raw = raw_values(source, n, published(source.index, source.method), countries=source.frame.focus)[0]
        wide = np.full(source.published[n].shape, np.nan)
        wide[source.frame.focus] = raw
        found = ready.outcome(ready.scores(wide)).position[0][source.frame.focus]
        rows = con.sql(
            f"SELECT position FROM mart_baseline_scores WHERE focus AND baseline_id = '{name}' ORDER BY iso3, chain"
        ).fetchall()
        expected = np.array([v if v is not None else np.nan for (v,) in rows]).reshape(found.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_equal_inputs_draw_equal_numbers(con) -> None:
    again = measured(farmed(traded(World()))).build("mart_baseline_draws")
    query = "FROM mart_baseline_draws ORDER BY ALL"
    assert con.sql(query).to_arrow_table().equals(again.sql(query).to_arrow_table())


def test_draws_of_two_baselines_share_their_errors() -> None:
    errors = Errors("v1", 50, 0.5)
    first, again = errors.of_year("exports", 2019, (4, 3)), errors.of_year("exports", 2019, (4, 3))
    assert np.array_equal(first, again)
    other = errors.of_year("exports", 2020, (4, 3))
    between = np.corrcoef(first.ravel(), other.ravel())[0, 1]
    assert 0.3 < between < 0.7, "half of the variance lasts"
    assert not np.array_equal(first, Errors("v2", 50, 0.5).of_year("exports", 2019, (4, 3)))


def test_draws_know_every_choice_and_weights_add_up(ready) -> None:
    source = ready.source
    plan = random_draws(source.index, source.method)
    assert set(plan.choice) == {"window", "base", "stages", "freight", "scale", "mean", "missing"}
    assert np.allclose(
        [plan.weight[:, source.index.structure.pillar_of == p].sum(axis=1) for p in range(8)], 1, atol=1e-12
    )
    combinations = every_combination(source.index, source.method)
    assert combinations.n == len({tuple(c) for c in np.stack(list(combinations.choice.values()), axis=1)})
    assert combinations.n == 3 * 2 * 2 * 5 * 3 * 2 * 2


def test_intervals_and_chances_follow_from_the_draws(con) -> None:
    cell = one(
        con,
        "SELECT u.*, s.rank_country FROM mart_baseline_uncertainty u JOIN mart_baseline_scores s "
        "USING (baseline_id, iso3, chain) WHERE baseline_id = 'Bcurrent' AND iso3 = 'UZB' AND chain = 'cotton'",
    )
    draws = con.sql(
        "SELECT position, headroom, potential FROM mart_baseline_draws "
        "WHERE baseline_id = 'Bcurrent' AND iso3 = 'UZB' AND chain = 'cotton' ORDER BY draw"
    ).fetchall()
    assert len(draws) == 200
    for i, name in enumerate(("position", "headroom", "potential")):
        values = [d[i] for d in draws]
        assert cell[f"{name}_p50"] == pytest.approx(np.quantile(values, 0.5))
        assert cell[f"{name}_p95"] == pytest.approx(np.quantile(values, 0.95))
        assert cell[f"{name}_se"] == pytest.approx(np.std(values, ddof=1))
        assert cell[f"{name}_se"] > 0.5, "choices and errors move every score"
    assert cell["rank_p05"] <= cell["rank_country"] <= cell["rank_p95"]
    assert sum(cell[f"p_{q}"] for q in ("build", "defend", "prepare", "leave")) == pytest.approx(1)


def test_losing_what_farms_tell_never_raises_confidence(con) -> None:
    """Whole pillars go with it: the score rests on less, however much surer the rest may be."""
    query = "SELECT iso3, chain, confidence, c_cov FROM mart_baseline_context WHERE baseline_id = 'Bcurrent'"
    world = measured(farmed(traded(World())))
    world.production = [r for r in world.production if r["iso3"] not in ("UZB", "KAZ")]
    less = {row[:2]: row[2:] for row in world.build("mart_baseline_context").sql(query).fetchall()}
    compared = 0
    for iso3, chain, confidence, coverage in con.sql(query).fetchall():
        if iso3 in ("UZB", "KAZ") and confidence is not None and less[iso3, chain][0] is not None:
            assert less[iso3, chain][0] <= confidence + 1e-9, (iso3, chain)
            compared += coverage > less[iso3, chain][1]
    assert compared > 5


def test_tied_chains_are_tied_with_each_other(con) -> None:
    rows = con.sql("SELECT baseline_id, iso3, chain, tied_with FROM mart_baseline_uncertainty").fetchall()
    ties = {(b, i, a, c) for b, i, a, tied in rows for c in (tied or "").split()}
    assert ties
    assert {(b, i, c, a) for b, i, a, c in ties} == ties
    ranked = {
        row[:3] for row in con.sql("SELECT baseline_id, iso3, chain FROM mart_baseline_scores WHERE ranked").fetchall()
    }
    assert {(b, i, a) for b, i, a, _ in ties} <= ranked


def test_the_environment_of_a_country_orders_none_of_its_chains(con) -> None:
    query = (
        "SELECT iso3, chain, rank_country, potential, potential_adj FROM mart_cluster_baseline "
        "WHERE rank_country IS NOT NULL AND baseline_id = 'B2018_2020' ORDER BY ALL"
    )
    world = measured(farmed(traded(World())))
    for line in world.indicator:
        if line["iso3"] in ("KGZ", "UZB") and line["indicator"] != "FP.CPI.TOTL.ZG":
            line["value"] = float(line["value"]) * 1.7
    before, after = con.sql(query).fetchall(), world.build("mart_cluster_baseline").sql(query).fetchall()
    assert [row[:4] for row in before] == [row[:4] for row in after]
    assert [row[4] for row in before] != [row[4] for row in after], "potential_adj does see it"


def test_the_price_of_a_chain_is_that_of_its_goods_in_the_world() -> None:
    """Cotton fetches twice as much everywhere in two of the window's three years; nothing else happens."""
    world = measured(farmed(traded(World())))
    for line in world.trade:
        price = random.Random(f"{line['exporter']} {line['hs_code']}").uniform(0.5, 2)
        line["net_kg"] = float(line["value_usd"]) / price
        if line["hs_code"] in ("520100", "520511", "610910") and line["year"] >= 2021:
            line["value_usd"] = 2 * float(line["value_usd"])
    found = world.build("mart_baseline_constant_prices").sql(
        "SELECT DISTINCT chain, world_price_change FROM mart_baseline_constant_prices "
        "WHERE baseline_id = 'Bcurrent' AND world_price_change IS NOT NULL"
    )
    changes = dict(found.fetchall())
    assert changes.pop("cotton") == pytest.approx(np.log(5 / 3), abs=0.1)
    assert max(abs(change) for change in changes.values()) < 0.1


def test_prices_that_double_everywhere_are_taken_out_exactly(ready) -> None:
    """Chains and everything else double in the window; consumer prices do not."""
    source = ready.source
    baseline, index, state = source.frame.baselines.index("Bcurrent"), source.index, source.state
    rows, _ = source.spans(baseline)[0]

    def dearer(values):
        result = values.copy()
        result[rows] *= 2
        return result

    names = ("x", "world", "x_all", "x_agri", "w_all", "w_agri")
    dear = replace(state, **{name: dearer(getattr(state, name)) for name in names})
    told = source.published.copy()
    told[baseline, ..., index.column("demand_growth")] += np.log(2) / len(rows)
    told[baseline, ..., index.column("cms_residual")] *= 2
    half = Prices(
        chain=np.full(state.x.shape[1:], 0.5),
        world=np.full(state.world.shape[1:], 0.5),
        all_goods=np.full(len(source.frame.countries), 0.5),
        agri=np.full(len(source.frame.countries), 0.5),
        world_all=0.5,
        world_agri=0.5,
        level=1.0,
    )
    found = at_prices_of(replace(source, state=dear, published=told), baseline, half)
    for indicator in (*FORMULAS, "demand_growth", "cms_residual"):
        i = index.column(indicator)
        np.testing.assert_allclose(found[..., i], source.published[baseline][..., i], rtol=1e-8, atol=1e-9)


@pytest.fixture(scope="module")
def inflated():
    """Unit values of all goods rise with consumer prices, 4 percent a year; quantities are those of ``con``."""
    world = measured(farmed(traded(World())))
    world.indicator = [r for r in world.indicator if r["indicator"] != "FP.CPI.TOTL.ZG"]
    world.prices(YEARS, percent=4.0)
    for line in world.trade:
        line["net_kg"] = float(line["value_usd"])
        line["value_usd"] = float(line["value_usd"]) * 1.04 ** (int(line["year"]) - 2012)
    return world.build("mart_baseline_scores", "mart_baseline_constant_prices")


def test_general_inflation_is_no_price_of_the_world_market(inflated) -> None:
    rows = inflated.sql(
        "SELECT p.world_price_change, p.potential - s.potential FROM mart_baseline_constant_prices p "
        "JOIN mart_baseline_scores s USING (baseline_id, iso3, chain) WHERE p.potential IS NOT NULL"
    ).fetchall()
    assert len(rows) > 20
    assert max(change for change, _ in rows) > 0.05, "prices did rise between the windows"
    # Quantities differ between the years of a window, so mean prices of windows differ from mean levels a little.
    assert max(abs(part) for _, part in rows) < 1.0


def test_a_dear_good_of_others_is_a_price_too() -> None:
    """Oil costs ten times as much; cotton, read on all goods, neither gains nor loses by it at constant prices."""
    world, plain = (measured(farmed(traded(World()))) for _ in range(2))
    for one_of in (world, plain):
        for line in one_of.trade:
            line["net_kg"] = float(line["value_usd"])
    for line in world.trade:
        if line["hs_code"] == "270900" and line["year"] >= 2021:
            line["value_usd"] = 10 * float(line["value_usd"])
    query = (
        "SELECT p.position, s.position FROM mart_baseline_constant_prices p JOIN mart_baseline_scores s "
        "USING (baseline_id, iso3, chain) WHERE baseline_id = 'Bcurrent' AND chain = 'cotton' ORDER BY iso3"
    )
    dear, usual = (w.build("mart_baseline_scores", "mart_baseline_constant_prices") for w in (world, plain))
    moved = 0.0
    for (constant, told), (_, before) in zip(dear.sql(query).fetchall(), usual.sql(query).fetchall(), strict=True):
        moved = max(moved, abs(told - before))
        assert abs(constant - before) < max(abs(told - before) / 2, 0.5)
    assert moved > 1, "the price of oil did move cotton"


SCORES = st.one_of(st.just(np.nan), st.floats(1, 100))


@st.composite
def cells(draw):
    n = draw(st.integers(3, 9))
    pillars = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    structure = Structure(
        pillar_of=np.array(pillars),
        weight=np.array(draw(st.lists(st.floats(0.5, 2), min_size=n, max_size=n))),
        anchor=np.zeros(n, dtype=bool),
        sub_of=np.array([0, 0, 1]),
        pillar_weight=np.ones(3),
        required=np.zeros(3, dtype=bool),
    )
    return structure, np.array([draw(st.lists(SCORES, min_size=n, max_size=n))])


def judged(scores, structure):
    pillars = composite.pillar_scores(scores, structure, min_weight=0.6, min_indicators=2)
    subs = composite.sub_index_scores(pillars.score, structure, min_pillars=1)
    return pillars, subs, composite.effective_weights(pillars, structure, subs)


@settings(max_examples=200, deadline=None)
@given(cells(), st.data())
def test_a_better_indicator_never_lowers_a_score(cell, data) -> None:
    structure, scores = cell
    i = data.draw(st.integers(0, scores.shape[1] - 1))
    better = scores.copy()
    better[0, i] = np.minimum(100, better[0, i] + data.draw(st.floats(0, 50)))
    before, after = judged(scores, structure)[1], judged(better, structure)[1]
    assert np.array_equal(np.isnan(before), np.isnan(after))
    assert (np.nan_to_num(after) >= np.nan_to_num(before) - 1e-9).all()


@settings(max_examples=200, deadline=None)
@given(cells(), st.data())
def test_a_lost_indicator_moves_weights_inside_its_pillar_only(cell, data) -> None:
    structure, scores = cell
    i = data.draw(st.integers(0, scores.shape[1] - 1))
    less = scores.copy()
    less[0, i] = np.nan
    (before, subs, whole), (after, fewer, part) = judged(scores, structure), judged(less, structure)
    for weights, found in ((whole, subs), (part, fewer)):
        for sub in range(2):
            total = weights[0, structure.sub_of[structure.pillar_of] == sub].sum()
            assert total == pytest.approx(0 if np.isnan(found[0, sub]) else 1)
    if after.exists[0, structure.pillar_of[i]] == before.exists[0, structure.pillar_of[i]]:
        elsewhere = structure.pillar_of != structure.pillar_of[i]
        np.testing.assert_allclose(whole[0, elsewhere], part[0, elsewhere])


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.floats(0.01, 1e3), st.floats(-1e3, 1e3))
def test_a_score_does_not_know_the_unit(value, spread, factor, shift) -> None:
    low, high = -5.0, -5.0 + spread
    there = composite.score(value * factor + shift, low * factor + shift, high * factor + shift)
    assert there == pytest.approx(composite.score(value, low, high), abs=1e-6)


def test_the_countries_of_the_world_are_all_in_the_frame(ready) -> None:
    frame = ready.source.frame
    assert set(COUNTRIES) <= set(frame.countries)
    assert frame.last_years[frame.reference] == 2020
    assert ready.source.state.years[-1] == YEARS[-1]
