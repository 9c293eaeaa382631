"""Agglomeration: worked example I, bounds, and the variance of chance counted out in full."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import agglomeration

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["I_location"]
PLACES = st.integers(2, 8).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, (n, 3), elements=st.floats(0, 1e6)).filter(lambda e: (e.sum(axis=0) > 1e-3).all()),
        hnp.arrays(np.float64, n, elements=st.floats(1, 1e6)),
    )
)


def test_the_worked_example() -> None:
    example = EXAMPLE["ellison_glaeser"]
    g = agglomeration.raw_concentration(example["s"], example["x"])
    assert g == pytest.approx(example["G"], abs=1e-9)
    assert agglomeration.gamma(g, example["x"], example["H"]) == pytest.approx(example["gamma"], abs=1e-9)
    index = EXAMPLE["cluster_index"]
    parts = [index[name] for name in ("e_ij", "e_i", "a_j", "a", "p_j", "p", "b_ij", "b_i")]
    assert agglomeration.cluster_index(*parts) == pytest.approx(index["value"], abs=1e-9)


@given(PLACES)
def test_bounds_and_the_neutral_point(places: tuple[np.ndarray, np.ndarray]) -> None:
    activity, reference = places
    n = len(reference)
    assert ((agglomeration.hoover(activity, reference) >= 0) & (agglomeration.hoover(activity, reference) <= 1)).all()
    gini = agglomeration.locational_gini(activity, reference)
    assert ((gini >= -1e-9) & (gini <= 1 - 1 / n + 1e-9)).all()
    alike = np.outer(reference, [1.0, 2.0])
    for measure in (
        agglomeration.raw_concentration,
        agglomeration.krugman,
        agglomeration.hoover,
        agglomeration.locational_gini,
    ):
        np.testing.assert_allclose(measure(alike, reference), 0, atol=1e-12)
        np.testing.assert_allclose(measure(activity, reference)[1], measure(activity[:, 1], reference), atol=1e-12)


def test_a_single_place_takes_gini_and_hoover_to_their_ends() -> None:
    only = [0.0, 0.0, 0.0, 9.0]
    assert agglomeration.locational_gini(only, [1, 1, 1, 1]) == pytest.approx(0.75)
    assert agglomeration.hoover(only, [1, 1, 1, 1]) == pytest.approx(0.75)


def test_chance_has_the_mean_and_variance_of_every_throw_of_the_plants() -> None:
    # All 3^4 ways of four plants over three places, each with its probability.
    plants, reference = np.array([5.0, 3.0, 2.0, 1.0]), np.array([6.0, 3.0, 1.0])
    x = reference / reference.sum()
    throws = np.array(list(itertools.product(range(3), repeat=4)))
    probability = x[throws].prod(axis=1)
    activity = np.stack([((throws == place) * plants).sum(axis=1) for place in range(3)])
    g = agglomeration.raw_concentration(activity, reference)
    mean = (probability * g).sum()
    deviation = np.sqrt((probability * (g - mean) ** 2).sum())
    found = agglomeration.ellison_glaeser([11.0, 0.0, 0.0], reference, plants)
    assert found.expected == pytest.approx(mean, abs=1e-12)
    assert found.z == pytest.approx((found.g - mean) / deviation, rel=1e-9)
    gammas = agglomeration.gamma(g, reference, found.herfindahl)
    assert (probability * gammas).sum() == pytest.approx(0, abs=1e-12)


def test_of_many_small_farms_gamma_is_g_over_what_places_leave() -> None:
    g = agglomeration.raw_concentration([3.0, 1.0], [1.0, 1.0])
    assert agglomeration.gamma(g, [1.0, 1.0]) == pytest.approx(g / 0.5)


def test_one_plant_is_always_concentrated_and_an_unknown_place_leaves_nothing_known() -> None:
    alone = agglomeration.ellison_glaeser([7.0, 0.0], [1.0, 1.0], [7.0])
    assert np.isnan([alone.gamma, alone.z]).all()
    assert np.isnan(agglomeration.krugman([[1.0, 1.0], [np.nan, 1.0]], [1.0, 1.0])[0])
    assert np.isnan(agglomeration.cluster_index(30, 100, 10, 100, 50, 500, 0, 10))


@given(PLACES)
def test_smaller_firms_make_a_place_more_of_a_cluster(places: tuple[np.ndarray, np.ndarray]) -> None:
    own = places[0][0, 0] + 1
    few, many = (agglomeration.cluster_index(own, 1e7, 10, 100, 50, 500, firms, 1000) for firms in (10, 20))
    assert many == pytest.approx(2 * few)
