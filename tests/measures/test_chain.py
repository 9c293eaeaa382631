"""Measures along a chain: the worked example, their bounds, and what unknown figures do to them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import chain

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["J_chain"]
MONEY = st.floats(0, 1e9)
THREE = hnp.arrays(np.float64, (3, 8), elements=MONEY)
SOME = hnp.arrays(np.float64, (4, 8), elements=st.floats(1, 1e9))


def test_the_worked_example_is_met() -> None:
    vam, lsu, nrp = EXAMPLE["vam"], EXAMPLE["lsu"], EXAMPLE["nrp_lite"]
    found = chain.value_addition_multiple(vam["uv_processed"], vam["uv_primary"], vam["extraction"])
    assert found == pytest.approx(vam["value"], abs=1e-9)
    units = chain.livestock_units([lsu["cattle"], lsu["sheep"]], lsu["coef"])
    assert chain.livestock_density(units, lsu["ha"]) == pytest.approx(lsu["value"], abs=1e-9)
    assert chain.nrp_lite(nrp["pp"], nrp["border"], nrp["access"]) == pytest.approx(nrp["value"], abs=1e-9)


@given(THREE)
def test_upgrading_lies_between_zero_and_the_degree_of_processing(stages: np.ndarray) -> None:
    degree, index = chain.dpr(*stages), chain.upgrading_index(*stages)
    known = stages.sum(axis=0) > 0
    assert np.isnan(degree[~known]).all()
    assert (degree[known] >= 0).all()
    assert (index[known] >= 0).all()
    assert (index[known] <= degree[known] + 1e-12).all()
    assert (degree[known] <= 1 + 1e-12).all()


@given(SOME, st.floats(1e-3, 1e3))
def test_ratios_do_not_depend_on_the_unit(figures: np.ndarray, scale: float) -> None:
    larger = figures * scale
    for measure, n in (
        (chain.dpr, 3),
        (chain.upgrading_index, 3),
        (chain.ssr, 3),
        (chain.yield_gap, 2),
        (chain.export_orientation, 3),
        (chain.retained_processing, 3),
        (chain.import_leakage, 3),
        (chain.feed_self_reliance, 2),
        (chain.price_ratio, 2),
    ):
        fixed = (0.0,) if measure is chain.price_ratio else ()
        np.testing.assert_allclose(measure(*larger[:n], *fixed), measure(*figures[:n], *fixed), rtol=1e-6, atol=1e-9)


@given(SOME)
def test_balances_keep_their_bounds(figures: np.ndarray) -> None:
    production, imports, exports, home = figures
    ratio = chain.ssr(production, imports, exports)
    assert (ratio[~np.isnan(ratio)] >= 0).all()
    assert (np.isnan(ratio) == (production + imports - exports <= 0)).all()
    gap, leakage = chain.yield_gap(production, imports), chain.import_leakage(production, imports, home)
    assert ((gap >= 0) & (gap <= 1)).all()
    assert ((leakage >= 0) & (leakage <= 1)).all()
    assert (chain.processing_gap(exports, imports) >= 0).all()


@pytest.mark.parametrize(
    ("stock", "supply", "sign"), [(0, 100, 0), (20, 80, -1), (20, 120, 1), (20, 100, np.nan), (np.nan, 100, np.nan)]
)
def test_the_sign_of_stock_variation_is_what_closes_the_balance(stock, supply, sign) -> None:
    np.testing.assert_equal(float(chain.stock_sign(120, 30, 50, stock, supply, 0.01)), float(sign))


def test_nothing_is_known_of_what_has_no_base_or_is_unknown_itself() -> None:
    for value in (
        chain.offtake(10, 0),
        chain.animal_yield(10, 0),
        chain.feed_to_output(10, 0, 0),
        chain.feed_to_output(10, np.nan, 5),
        chain.export_orientation(0, 0, 5),
        chain.value_addition_multiple(np.nan, 1, 0.5),
        chain.processing_gap(100, np.nan),
        chain.import_leakage(1, 1, np.nan),
        chain.price_ratio(100, np.nan, 10),
        chain.nrp_confidence(np.nan, 0.4),
    ):
        assert np.isnan(value)


def test_animals_sold_alive_are_taken_out_of_the_herd_too() -> None:
    assert chain.offtake(200, 1000) == pytest.approx(0.2)
    assert chain.offtake(200, 1000, 50 - 10) == pytest.approx(0.24)
    assert chain.animal_yield(450_000, 2_500_000) == pytest.approx(180)


def test_access_costs_lower_the_reference_of_exports_and_raise_that_of_imports() -> None:
    exporting, importing = chain.reference_price(400, [60, 40], [True, False])
    assert (exporting, importing) == (340, 440)
    assert chain.price_ratio(340, 400, 60) == pytest.approx(1)
    assert chain.nrp_lite(330, 400, 40, False) == pytest.approx(-0.25)
    np.testing.assert_array_equal(chain.nrp_confidence([0.9, 0.3], 0.4), [0.4, 0.3])


def test_dependence_on_inputs_is_a_ratio_of_sums_over_years_that_know_both() -> None:
    imports, value = [[10.0, 90.0, 5.0], [10.0, np.nan, 5.0]], [[100.0, 100.0, np.nan], [100.0, 100.0, np.nan]]
    np.testing.assert_allclose(chain.input_dependence(imports, value, min_years=2), [0.5, np.nan])


def test_volatility_needs_changes_enough_and_skips_gaps() -> None:
    steady = np.exp(0.1 * np.arange(8))
    assert chain.volatility(steady, 7) == pytest.approx(0, abs=1e-12)
    assert np.isnan(chain.volatility(steady[:7], 7))
    levels = np.array([1.0, 2.0, np.nan, 4.0, 2.0, 0.0, 1.0, 3.0])
    assert chain.volatility(levels, 3) == pytest.approx(np.std(np.log([2, 0.5, 3]), ddof=1))
    assert np.isnan(chain.volatility(levels, 4)), "a gap and a zero leave three changes"
