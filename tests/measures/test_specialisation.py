"""Trade specialisation: worked example A, published figures, and the identities that hold on any data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import specialisation

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
TRADE = EXAMPLES["A_specialisation"]
SHAPES = st.tuples(st.integers(2, 6), st.integers(2, 6))
MATRIX = hnp.arrays(np.float64, SHAPES, elements=st.floats(1, 1e9))
WITH_ZEROS = hnp.arrays(np.float64, SHAPES, elements=st.one_of(st.just(0.0), st.floats(1, 1e9)))


@pytest.mark.parametrize("name", ["rca", "rsca", "nrca"])
def test_specialisation_matches_the_worked_example(name: str) -> None:
    exports = np.array(TRADE["X_rows_A_B_C_D_cols_p1_p4"])
    found = {
        "rca": specialisation.rca,
        "nrca": specialisation.nrca,
        "rsca": lambda x: specialisation.rsca(specialisation.rca(x)),
    }
    np.testing.assert_allclose(found[name](exports), TRADE[name], atol=1e-9)


@given(MATRIX)
def test_weighted_means_of_rca_are_one_and_nrca_sums_to_zero(exports: np.ndarray) -> None:
    advantage = specialisation.rca(exports)
    by_country, by_product = exports.sum(axis=1) / exports.sum(), exports.sum(axis=0) / exports.sum()
    np.testing.assert_allclose(by_country @ advantage, 1, rtol=1e-9)
    np.testing.assert_allclose(advantage @ by_product, 1, rtol=1e-9)
    normalised = specialisation.nrca(exports)
    np.testing.assert_allclose(normalised.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(normalised.sum(axis=1), 0, atol=1e-12)


@given(MATRIX, st.floats(1e-3, 1e6))
def test_the_currency_unit_does_not_matter(exports: np.ndarray, scale: float) -> None:
    np.testing.assert_allclose(specialisation.rca(exports * scale), specialisation.rca(exports), rtol=1e-9)
    np.testing.assert_allclose(specialisation.nrca(exports * scale), specialisation.nrca(exports), atol=1e-12)


def test_a_country_or_product_without_exports_has_no_advantage_rather_than_zero() -> None:
    advantage = specialisation.rca([[0.0, 0.0], [0.0, 5.0]])
    assert np.isnan(advantage[0]).all()
    assert np.isnan(advantage[1, 0])
    assert advantage[1, 1] == 1


@given(WITH_ZEROS)
def test_the_identities_hold_with_zeros_where_anything_is_traded(exports: np.ndarray) -> None:
    by_country, by_product = exports.sum(axis=1), exports.sum(axis=0)
    total = exports.sum()
    advantage = specialisation.rca(exports)
    np.testing.assert_array_equal(np.isnan(advantage), (by_country[:, None] == 0) | (by_product[None, :] == 0))
    if total == 0:
        assert np.isnan(specialisation.nrca(exports)).all()
        return
    known = np.nan_to_num(advantage)
    np.testing.assert_allclose((by_country / total @ known)[by_product > 0], 1, rtol=1e-9)
    np.testing.assert_allclose((known @ by_product / total)[by_country > 0], 1, rtol=1e-9)
    symmetric = specialisation.rsca(advantage[~np.isnan(advantage)])
    assert ((symmetric >= -1) & (symmetric < 1)).all()
    normalised = specialisation.nrca(exports)
    assert (np.abs(normalised) <= 0.25 + 1e-12).all()
    np.testing.assert_allclose(normalised.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(normalised.sum(axis=1), 0, atol=1e-12)
    shares = specialisation.market_share(exports)
    np.testing.assert_allclose(shares.sum(axis=0)[by_product > 0], 1, rtol=1e-12)


@given(MATRIX)
def test_normalised_advantage_adds_up_over_products(exports: np.ndarray) -> None:
    merged = np.column_stack([exports[:, :2].sum(axis=1), exports[:, 2:]])
    np.testing.assert_allclose(
        specialisation.nrca(merged)[:, 0], specialisation.nrca(exports)[:, :2].sum(axis=1), atol=1e-12
    )


@given(MATRIX)
def test_a_country_that_did_not_report_is_outside_the_world_of_reference(exports: np.ndarray) -> None:
    silent = np.vstack([exports, np.full(exports.shape[1], np.nan)])
    for measure in (specialisation.rca, specialisation.nrca, specialisation.market_share):
        found = measure(silent)
        assert np.isnan(found[-1]).all()
        np.testing.assert_allclose(found[:-1], measure(exports), rtol=1e-12, atol=1e-15)


def test_an_unknown_cell_is_left_out_and_stays_unknown() -> None:
    found = specialisation.rca([[30.0, np.nan], [10.0, 60.0]])
    # Known totals: countries 30 and 70, products 40 and 60.
    np.testing.assert_allclose(found, [[2.5, np.nan], [10 / 70 / 0.4, 60 / 70 / 0.6]])


def test_what_trades_too_little_is_thin_but_a_reported_zero_is_not() -> None:
    exports = np.array([[0.0, 9_999.0, 10_000.0, 5_000.0, np.nan]])
    found = specialisation.thin_market(exports, np.array([5e6, 5e6, 5e6, 4_999_999.0, 9e6]))
    np.testing.assert_array_equal(found, [[False, True, False, True, False]])
    assert specialisation.thin_market(0.0, 10.0, world_min=11.0, country_min=0.0)


@pytest.mark.parametrize("name", sorted(EXAMPLES["L_published_values"]["wits_2019"]))
def test_published_shares_give_the_published_advantage(name: str) -> None:
    published = EXAMPLES["L_published_values"]["wits_2019"][name]
    own, world = published["country_share_pct"], published["world_share_pct"]

    def from_shares(country_share: float, world_share: float) -> float:
        return float(specialisation.rca([[country_share]], [100.0], [world_share])[0, 0])

    assert from_shares(own, world) == pytest.approx(published["rca"], abs=5e-5)
    interval = [from_shares(own - 0.005, world + 0.005), from_shares(own + 0.005, world - 0.005)]
    assert interval == pytest.approx(published["interval"], abs=1e-4)
    assert interval[0] < published["rca"] < interval[1]


def test_dynamic_classes_follow_both_signs_and_which_moved_more() -> None:
    # Own share before and now, world share before and now.
    cases = {
        "rising_star": (0.10, 0.20, 0.10, 0.11),
        "lagging_opportunity": (0.10, 0.11, 0.10, 0.20),
        "falling_star": (0.10, 0.11, 0.10, 0.09),
        "missed_opportunity": (0.10, 0.09, 0.10, 0.11),
        "retreat": (0.10, 0.05, 0.10, 0.09),
        "lagging_retreat": (0.10, 0.09, 0.10, 0.05),
        "entry": (0.00, 0.01, 0.10, 0.10),
        "exit": (0.10, 0.00, 0.10, 0.10),
    }
    before, now, world_before, world = np.array(list(cases.values())).T
    assert specialisation.dynamic_class(now, before, world, world_before).tolist() == list(cases)
    assert tuple(cases) == specialisation.DYNAMIC_CLASSES
    nothing = specialisation.dynamic_class([0, np.nan, 0.1, 0.1], [0, 0.1, np.nan, 0.1], 0.1, [0.1, 0.1, 0.1, np.nan])
    assert nothing.tolist() == [None] * 4
    # A product that is all a country sells has no share to gain.
    assert specialisation.dynamic_class(1.0, 1.0, 0.2, 0.1) == "missed_opportunity"


@given(*[hnp.arrays(np.float64, 8, elements=st.one_of(st.just(0.0), st.floats(1e-6, 1))) for _ in range(4)])
def test_a_class_agrees_with_the_change_it_summarises(now, before, world, world_before) -> None:
    classes = specialisation.dynamic_class(now, before, world, world_before)
    change = specialisation.d_ln_rca(now, before, world, world_before)
    for name, above in (
        ("rising_star", True),
        ("falling_star", True),
        ("missed_opportunity", False),
        ("retreat", False),
    ):
        of_class = change[classes == name]
        assert ((of_class > 0) == above).all()
        assert not np.isnan(of_class).any()
    assert np.isnan(change[(classes == "entry") | (classes == "exit")]).all()
