"""Two reports of one flow: worked example H, and what a reconciled value must keep on any pair of reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.measures import mirror, reexport, two_way

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["H_mirror"]
DOLLARS = st.one_of(st.just(0.0), st.floats(0.01, 1e12))
SIDE = st.one_of(st.just(np.nan), DOLLARS)
SIGMA = st.floats(0.05, 5)


def test_the_worked_example() -> None:
    x, m_cif = EXAMPLE["x_fob"], EXAMPLE["m_cif"]
    m = mirror.fob_equivalent(m_cif, EXAMPLE["cif_factor"] - 1)
    assert m == pytest.approx(EXAMPLE["m_fob"], abs=1e-9)
    assert mirror.lgap(x, m) == pytest.approx(EXAMPLE["ln_gap"], abs=1e-9)
    assert mirror.sgap(x, m) == pytest.approx(EXAMPLE["sym_gap"], abs=1e-9)
    sigmas = EXAMPLE["sigma_x"], EXAMPLE["sigma_m"]
    best = mirror.reconcile(x, m, *sigmas)
    assert best.weight_x == pytest.approx(0.2, abs=1e-9)
    assert best.value == pytest.approx(EXAMPLE["reconciled_log"], abs=1e-9)
    assert mirror.reconcile(x, m, *sigmas, geometric=False).value == pytest.approx(
        EXAMPLE["reconciled_arith"], abs=1e-9
    )
    assert best.sigma_ln == pytest.approx(max((1 / 125) ** 0.5, EXAMPLE["ln_gap"] / 2), abs=1e-9)


def test_published_gaps() -> None:
    published = EXAMPLE["published"]
    china, uzbekistan = published["KGZ_imports_from_CHN_2023_bn"], published["KGZ_imports_from_UZB_2018_mn"]
    assert mirror.lgap(*china) == pytest.approx(published["ln_gap"], abs=1e-9)
    assert mirror.lgap(*uzbekistan) == pytest.approx(published["ln_gap2"], abs=1e-9)


def test_gaps_of_absent_sides() -> None:
    np.testing.assert_array_equal(mirror.sgap([0, 5, 0, np.nan], [5, 0, 0, 5]), [2, -2, np.nan, np.nan])
    np.testing.assert_array_equal(mirror.lgap([0, 5, np.nan], [5, 0, 5]), [np.nan] * 3)


def test_agreement_over_cells_and_what_one_side_sees_alone() -> None:
    x, m = [80.0, 0.0, np.nan, 50.0], [120.0, 30.0, 40.0, 50.0]
    assert mirror.agap(x, m) == pytest.approx((40 + 30 + 0) / (200 + 30 + 100))
    assert mirror.orphan_share(x, m) == pytest.approx((30 + 40) / (100 + 30 + 40 + 50))
    assert np.isnan(mirror.agap([np.nan], [1.0]))
    assert np.isnan(mirror.orphan_share([0.0], [np.nan]))


def test_one_unknown_side_leaves_the_other_with_more_doubt() -> None:
    best = mirror.reconcile([100.0, np.nan, 0.0, np.nan], [np.nan, 80.0, np.nan, np.nan], 0.2, 0.4)
    np.testing.assert_array_equal(best.value, [100, 80, 0, np.nan])
    np.testing.assert_allclose(best.sigma_ln, [0.3, 0.6, 0.3, np.nan])
    np.testing.assert_array_equal(best.n_sides, [1, 1, 1, 0])
    assert np.isnan(best.weight_x).all()


def test_a_filed_zero_is_believed_against_small_values_only() -> None:
    best = mirror.reconcile([0.0, 0.0, 200_000.0, 0.0], [50_000.0, 100_000.0, 0.0, 0.0], 0.2, 0.1)
    np.testing.assert_allclose(best.value, [0, 0.8 * 100_000, 0.2 * 200_000, 0])
    np.testing.assert_array_equal(best.one_sided, [True, True, True, False])
    np.testing.assert_array_equal(best.n_sides, [2, 2, 2, 2])
    np.testing.assert_allclose(best.sigma_ln[:3], 1)


@given(SIDE, SIDE, SIGMA, SIGMA, st.booleans())
def test_the_value_lies_between_both_sides_and_null_never_becomes_zero(x, m, sigma_x, sigma_m, geometric) -> None:
    best = mirror.reconcile(x, m, sigma_x, sigma_m, geometric=geometric)
    sides = [side for side in (x, m) if not np.isnan(side)]
    assert best.n_sides == len(sides)
    assert bool(np.isnan(best.value)) == (not sides)
    assert bool(np.isnan(best.sigma_ln)) == (not sides)
    if sides:
        assert min(sides) <= best.value <= max(sides)
        assert best.sigma_ln > 0
    if len(sides) == 1:
        assert best.value == sides[0]


@given(SIDE, SIDE, SIGMA, SIGMA)
def test_swapping_the_roles_with_their_sigmas_changes_nothing(x, m, sigma_x, sigma_m) -> None:
    one, other = mirror.reconcile(x, m, sigma_x, sigma_m), mirror.reconcile(m, x, sigma_m, sigma_x)
    np.testing.assert_allclose(one.value, other.value, rtol=1e-9)
    np.testing.assert_allclose(one.sigma_ln, other.sigma_ln, rtol=1e-9)
    np.testing.assert_allclose(one.weight_x, 1 - other.weight_x, atol=1e-12)
    np.testing.assert_allclose(mirror.sgap(x, m), -mirror.sgap(m, x), atol=1e-12)


@given(SIDE, SIDE, SIGMA, SIGMA, st.sampled_from([1e-3, 0.5, 2.0, 1024.0]))
def test_the_unit_of_value_does_not_matter(x, m, sigma_x, sigma_m, unit) -> None:
    one = mirror.reconcile(x, m, sigma_x, sigma_m, one_sided_min=50_000)
    other = mirror.reconcile(x * unit, m * unit, sigma_x, sigma_m, one_sided_min=50_000 * unit)
    np.testing.assert_allclose(other.value, one.value * unit, rtol=1e-9)
    np.testing.assert_allclose(other.sigma_ln, one.sigma_ln, rtol=1e-6, atol=1e-9)


@given(st.floats(1, 1e9), st.floats(1, 1e9), SIGMA, SIGMA, st.floats(1.01, 10))
def test_a_better_reporter_weighs_more(x, m, sigma_x, sigma_m, better) -> None:
    before = mirror.reconcile(x, m, sigma_x, sigma_m)
    after = mirror.reconcile(x, m, sigma_x / better, sigma_m)
    assert after.weight_x > before.weight_x
    assert abs(np.log(after.value / x)) <= abs(np.log(before.value / x)) + 1e-9


def test_transit_needs_every_sign_and_unknown_signs_raise_no_suspicion() -> None:
    gl = two_way.grubel_lloyd([100, 100, 100, 100, 100], [90, 90, 10, 90, 90])
    found = reexport.transit_signature(gl, [1.05, 1.5, 1.05, 1.05, np.nan], [0.01, 0.01, 0.01, 0.5, 0.01])
    np.testing.assert_array_equal(found, [True, False, False, False, False])
    assert not reexport.transit_signature(np.nan, 1.0, 0.0)


def test_transit_of_goods_that_no_farm_makes_rests_on_two_signs() -> None:
    home = [0.5, 0.5, np.nan, np.nan]
    found = reexport.transit_signature(0.9, 1.0, home, home_counts=[True, False, True, False])
    np.testing.assert_array_equal(found, [False, True, False, True])
    assert not reexport.transit_signature(0.5, 1.0, np.nan, home_counts=False)


def test_conservative_exports_are_damped_where_goods_pass_through_only() -> None:
    np.testing.assert_allclose(
        reexport.conservative_exports([40, 40, 40], [80, 80, 120], [100, 100, 100], [True, False, True]), [32, 40, 40]
    )
    np.testing.assert_array_equal(reexport.domestic_exports([100, 50], [30, 60]), [70, 0])
    assert np.isnan(reexport.domestic_exports(100, np.nan))
