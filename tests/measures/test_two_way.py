"""Lafay, relative trade advantage and Grubel-Lloyd: worked example C and what must hold for any country."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import specialisation, two_way

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["C_two_way"]
VALUES = st.one_of(st.just(0.0), st.floats(1, 1e10))
PAIRS = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.float64, shape, elements=VALUES), hnp.arrays(np.float64, shape, elements=VALUES)
    )
)


def test_the_worked_example() -> None:
    x, m = EXAMPLE["x"], EXAMPLE["m"]
    np.testing.assert_allclose(specialisation.lafay(x, m), EXAMPLE["lafay"], atol=1e-9)
    np.testing.assert_allclose(two_way.grubel_lloyd(x, m), EXAMPLE["gl"], atol=1e-9)
    np.testing.assert_allclose(two_way.grubel_lloyd_total(x, m), EXAMPLE["gl_weighted"], atol=1e-9)
    np.testing.assert_allclose(two_way.grubel_lloyd_adjusted(x, m), EXAMPLE["gl_adjusted"], atol=1e-9)


@given(PAIRS)
def test_lafay_sums_to_zero_over_the_products_of_every_country_that_trades(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = specialisation.lafay(*pair)
    trades = (pair[0] + pair[1]).any(axis=1)
    np.testing.assert_allclose(found[trades].sum(axis=1), 0, atol=1e-9)
    assert np.isnan(found[~trades]).all()


@given(PAIRS)
def test_two_way_trade_lies_between_nothing_and_all(pair: tuple[np.ndarray, np.ndarray]) -> None:
    for measure in (two_way.grubel_lloyd, two_way.grubel_lloyd_total, two_way.grubel_lloyd_adjusted):
        found = measure(*pair)
        known = found[~np.isnan(found)]
        assert ((known >= -1e-12) & (known <= 1 + 1e-9)).all(), measure.__name__
    np.testing.assert_array_equal(np.isnan(two_way.grubel_lloyd(*pair)), pair[0] + pair[1] == 0)


@given(PAIRS)
def test_total_two_way_trade_is_the_mean_of_products_weighted_by_trade(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, m = pair
    trades = (x + m).any(axis=1)
    weighted = np.nansum(two_way.grubel_lloyd(x, m) * (x + m), axis=1)[trades] / (x + m).sum(axis=1)[trades]
    np.testing.assert_allclose(two_way.grubel_lloyd_total(x, m)[trades], weighted, atol=1e-9)


def test_a_product_that_only_passes_through_has_no_advantage_although_it_is_exported() -> None:
    # Half of exports are goods that came in the same year for the same money.
    lafay = specialisation.lafay([50.0, 50.0, 0.0], [50.0, 0.0, 50.0])
    assert lafay[0] == 0
    assert lafay[1] == -lafay[2] > 0


def test_a_product_not_traded_contributes_nothing_and_an_unknown_one_stays_unknown() -> None:
    found = specialisation.lafay([60, 0, 40, 5], [20, 0, 20, np.nan])
    assert found[1] == 0
    assert np.isnan(found[3])
    np.testing.assert_allclose(found[[0, 2]], specialisation.lafay([60, 40], [20, 20]))


def test_trade_that_goes_one_way_only_has_no_adjusted_measure() -> None:
    assert two_way.grubel_lloyd_total([10, 20], [0, 0]) == 0
    assert np.isnan(two_way.grubel_lloyd_adjusted([10, 20], [0, 0]))


def test_relative_trade_advantage_is_advantage_in_exports_less_advantage_in_imports() -> None:
    # x: shares of the first country 3/4 against 1/2 in the world; m: 1/4 against 1/2.
    exports, imports = [[75.0, 25.0], [25.0, 75.0]], [[25.0, 75.0], [75.0, 25.0]]
    np.testing.assert_allclose(specialisation.rta(exports, imports), [[1.0, -1.0], [-1.0, 1.0]])
    nobody_imports = specialisation.rta(exports, [[0.0, 75.0], [0.0, 25.0]])
    assert np.isnan(nobody_imports[:, 0]).all()
