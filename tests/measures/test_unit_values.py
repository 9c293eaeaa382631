"""Unit values: by hand, and free of the unit of money and weight."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import unit_values

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["J_chain"]["ruv"]
POSITIVE = st.floats(0.01, 1e6)
CELLS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=POSITIVE),
        hnp.arrays(np.float64, n, elements=st.floats(1000, 1e8)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 3)),
    )
)


def test_the_worked_example() -> None:
    found = unit_values.ruv(EXAMPLE["uv"], EXAMPLE["uv_ref"])
    assert found == pytest.approx(EXAMPLE["value"], abs=1e-9)
    assert unit_values.ruv_class(found) == EXAMPLE["class"]


def test_the_reference_is_the_median_dollar_of_cells_of_a_tonne_or_more() -> None:
    value, kg = np.array([10.0, 40, 30, 1000, 7, np.nan]) * 1000, np.array([1000, 2000, 1000, 999, 7000, 1000])
    # Prices 10, 20, 30: half of 80 is reached with the second; the dear light cell does not count.
    found = unit_values.reference_unit_value(value, kg, [0, 0, 0, 0, 2, 2])
    np.testing.assert_array_equal(found, [20, np.nan, 1])
    # 40 of 80 dollars are reached at the first already: the lower median.
    assert unit_values.reference_unit_value([40, 40], [2000, 1000], [0, 0])[0] == 0.02
    assert unit_values.reference_unit_value([], [], []).size == 0


@given(CELLS, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_relative_unit_values_do_not_depend_on_currency_and_unit_of_weight(cells, money: float, weight: float) -> None:
    value, kg, group = cells
    reference = unit_values.reference_unit_value(value, kg, group)[group]
    relative = unit_values.ruv(unit_values.unit_value(value, kg), reference)
    other = unit_values.reference_unit_value(value * money, kg * weight, group, min_kg=1000 * weight * (1 - 1e-12))
    scaled = unit_values.ruv(unit_values.unit_value(value * money, kg * weight), other[group])
    np.testing.assert_allclose(scaled, relative, rtol=1e-9)
    assert ((unit_values.unit_value(value, kg)[:, None] == reference[None, :]).any(axis=0)).all()


def test_classes_have_the_same_width_both_ways_and_ends_belong_to_the_middle() -> None:
    found = unit_values.ruv_class([0.5, 1 / 1.15, 1.0, 1.15, 1.16, np.nan])
    assert found.tolist() == ["low", "mid", "mid", "mid", "high", None]
    assert unit_values.ruv_class(1.16, band=0.25) == "mid"


@given(CELLS)
def test_medians_of_groups_are_those_of_the_standard_library(cells) -> None:
    values, _, group = cells
    found = unit_values.median_by_group(values, group)
    for number in range(found.size):
        own = values[group == number]
        if own.size:
            assert found[number] == statistics.median(own.tolist())
        else:
            assert np.isnan(found[number])


def test_outliers_lie_beyond_the_median_by_three_deviations() -> None:
    # |ln RUV| 0.0, 0.1, 0.2, 0.3 and then 0.6 or 0.5: median 0.2, deviations 0.2, 0.1, 0, 0.1, 0.4: MAD 0.1, limit 0.5.
    for far, out in ((0.6, True), (0.5, False)):
        relative = np.exp([0.0, 0.1, -0.2, 0.3, -far])
        np.testing.assert_array_equal(unit_values.is_outlier(relative, np.zeros(5)), [False] * 4 + [out])
    assert unit_values.is_outlier([1, np.e**0.1, 2, 30, np.nan], [0, 0, 1, 1, 1]).any() == np.False_


def test_a_basket_keeps_its_base_weights_and_says_how_much_of_them_it_knows() -> None:
    basket, coverage = unit_values.chain_ruv([2.0, 0.5, np.nan], [40, 40, 20])
    assert (basket, coverage) == pytest.approx((1, 0.8))
    basket, coverage = unit_values.chain_ruv([2.0, np.nan, np.nan], [50, 25, 25])
    assert np.isnan(basket)
    assert coverage == pytest.approx(0.5)
    # Own shares 1/2, the world's 1 and 0: Tornqvist weights 3/4 and 1/4.
    basket, _ = unit_values.chain_ruv([[2.0, 4.0], [1.0, 1.0]], [50, 50], [10, 0])
    np.testing.assert_allclose(basket, [2**1.25, 1])


@given(CELLS, st.floats(0.1, 10))
def test_a_basket_of_equal_prices_has_that_price_and_moves_in_step(cells, price: float) -> None:
    value, base, _ = cells
    basket, coverage = unit_values.chain_ruv(np.full(value.size, price), base)
    np.testing.assert_allclose([basket, coverage], [price, 1], rtol=1e-9)
    once, twice = (unit_values.chain_ruv(value * factor, base)[0] for factor in (1, price))
    np.testing.assert_allclose(twice, price * once, rtol=1e-9)


def test_what_has_no_weight_has_no_unit_value() -> None:
    np.testing.assert_array_equal(
        unit_values.unit_value([10, 10, 0, 10], [5, 0, 5, np.nan]), [2, np.nan, np.nan, np.nan]
    )
