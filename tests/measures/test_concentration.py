"""Concentration: worked example D, and the decomposition and bounds that hold for any shares."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import concentration

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["D_concentration"]
ROWS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8),
    elements=st.one_of(st.just(0.0), st.floats(1, 1e10)),
)


def test_the_worked_example() -> None:
    shares = EXAMPLE["shares"]
    found = {
        "hhi": concentration.hhi(shares),
        "hhi_norm": concentration.hhi_norm(shares),
        "theil_n3": concentration.theil(shares, 3),
        "theil_n5": concentration.theil(shares, 5),
        "theil_between_n5": concentration.theil_between(shares, 5),
        "theil_within_n5": concentration.theil_within(shares),
    }
    assert found == pytest.approx({name: EXAMPLE[name] for name in found}, abs=1e-9)
    assert concentration.effective_number(shares) == pytest.approx(1 / 0.46)


@given(ROWS, st.integers(0, 5000))
def test_margins_add_up_and_everything_stays_within_its_bounds(rows: np.ndarray, idle: int) -> None:
    n = rows.shape[1] + idle
    some = rows.any(axis=1)
    total = concentration.theil(rows, n)
    between, within = concentration.theil_between(rows, n), concentration.theil_within(rows)
    np.testing.assert_allclose(total, between + within, atol=1e-12)
    np.testing.assert_array_equal(np.isnan(total), ~some)
    mean = rows.sum(axis=1, keepdims=True) / n
    ratio = np.divide(rows, mean, out=np.ones_like(rows), where=(rows > 0) & (mean > 0))
    from_definition = (np.where(rows > 0, ratio, 0) * np.log(ratio)).sum(axis=1) / n
    np.testing.assert_allclose(total[some], from_definition[some], atol=1e-9)
    assert ((total[some] >= -1e-12) & (total[some] <= math.log(n) + 1e-12)).all()
    assert ((within[some] >= -1e-12) & (between[some] >= -1e-12)).all()
    index = concentration.hhi(rows)[some]
    assert ((index >= 1 / rows.shape[1] - 1e-12) & (index <= 1 + 1e-12)).all()
    effective = concentration.effective_number(rows)[some]
    assert ((effective >= 1 - 1e-12) & (effective <= (rows > 0).sum(axis=1)[some] + 1e-9)).all()


@given(ROWS)
def test_a_matrix_gives_what_its_rows_and_columns_give_one_by_one(rows: np.ndarray) -> None:
    for measure in (concentration.hhi, concentration.hhi_norm, concentration.theil, concentration.effective_number):
        np.testing.assert_allclose(measure(rows), [measure(row) for row in rows], atol=1e-12)
        np.testing.assert_allclose(measure(rows, axis=0), [measure(column) for column in rows.T], atol=1e-12)


def test_equal_shares_and_a_single_one_are_the_ends_of_every_scale() -> None:
    equal, single = [5.0] * 4, [0.0, 0.0, 7.0, 0.0]
    assert concentration.hhi_norm(equal) == pytest.approx(0)
    assert concentration.hhi_norm(single) == pytest.approx(1)
    assert concentration.hhi_norm([5.0], n=200) == pytest.approx(1)
    assert concentration.theil(equal) == pytest.approx(0)
    assert concentration.theil(single) == pytest.approx(math.log(4))
    assert np.isnan(concentration.hhi_norm([5.0]))


def test_a_fixed_number_of_products_cannot_be_less_than_those_there_are() -> None:
    with pytest.raises(ValueError, match="more products"):
        concentration.theil([1.0, 2.0, 3.0], 2)


def test_shares_of_an_unknown_total_are_unknown() -> None:
    found = [measure([1.0, np.nan]) for measure in (concentration.hhi, concentration.theil, concentration.hhi_norm)]
    assert np.isnan(found).all()


def test_penetration_counts_the_markets_that_buy_what_the_country_sells() -> None:
    # Two markets buy the first good and three the second; the third good is not sold anywhere.
    exports = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    world = [[9.0, 9.0, 0.0], [9.0, 9.0, 9.0], [9.0, 9.0, 9.0]]
    assert concentration.market_penetration(exports, world) == pytest.approx(3 / 5)
    assert np.isnan(concentration.market_penetration(np.zeros((3, 3)), world))
