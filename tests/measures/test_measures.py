"""The formulas against hand-computed examples, and the identities they must keep on any data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import chain, composite, concentration, specialisation

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
TRADE = EXAMPLES["A_specialisation"]
MATRIX = hnp.arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(2, 6)), elements=st.floats(1, 1e9))


@pytest.mark.parametrize("name", ["rca", "rsca", "nrca"])
def test_specialisation_matches_the_worked_example(name: str) -> None:
    exports = np.array(TRADE["X_rows_A_B_C_D_cols_p1_p4"])
    found = {
        "rca": specialisation.rca,
        "nrca": specialisation.nrca,
        "rsca": lambda x: specialisation.rsca(specialisation.rca(x)),
    }
    np.testing.assert_allclose(found[name](exports), TRADE[name], atol=1e-9)


def test_concentration_matches_the_worked_example() -> None:
    example = EXAMPLES["D_concentration"]
    assert concentration.hhi(example["shares"]) == pytest.approx(example["hhi"], abs=1e-9)
    assert concentration.hhi_norm(example["shares"]) == pytest.approx(example["hhi_norm"], abs=1e-9)
    assert concentration.hhi_norm([5.0], n=200) == pytest.approx(1)


def test_chain_measures_match_the_worked_example() -> None:
    example = EXAMPLES["J_chain"]
    stages = [example["dpr"][stage] for stage in ("primary", "processed", "final")]
    assert chain.dpr(*stages) == pytest.approx(example["dpr"]["value"], abs=1e-9)
    assert chain.upgrading_index(*stages) == pytest.approx(example["dpr"]["upgrade_index"], abs=1e-9)
    balance = [example["ssr"][part] for part in ("P", "M", "X")]
    assert chain.ssr(*balance) == pytest.approx(example["ssr"]["ssr"], abs=1e-9)
    assert chain.idr(*balance) == pytest.approx(example["ssr"]["idr"], abs=1e-9)
    gap = example["yield_gap"]
    assert chain.yield_gap(gap["y"], gap["y_ref"]) == pytest.approx(gap["value"], abs=1e-9)
    move = example["dynamic_rca"]
    found = specialisation.d_ln_rca(*reversed(move["share"]), *reversed(move["world_share"]))
    assert found == pytest.approx(move["dln"], abs=1e-9)


def test_composite_matches_the_worked_example() -> None:
    example = EXAMPLES["K_composite"]
    for name, arithmetic, geometric in zip("AB", example["arith"], example["geo"], strict=True):
        assert composite.arithmetic_mean(example[name]) == pytest.approx(arithmetic, abs=1e-9)
        assert composite.geometric_mean(example[name]) == pytest.approx(geometric, abs=1e-9)
    assert composite.confidence(example["confidence"]["parts"]) == pytest.approx(
        example["confidence"]["value"], abs=1e-9
    )


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


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_more_never_scores_less_and_scores_stay_between_1_and_100(value: float, step: float) -> None:
    lower, higher = composite.score([value, value + step], -10.0, 25.0)
    assert 1 <= lower <= higher <= 100


def test_means_leave_out_what_is_unknown_instead_of_counting_it_as_zero() -> None:
    assert composite.arithmetic_mean([40, np.nan, 60]) == 50
    assert composite.geometric_mean([4, np.nan, 9]) == pytest.approx(6)
    assert np.isnan(composite.arithmetic_mean([np.nan]))
    assert np.isnan(composite.potential(50, np.nan))
    assert composite.adjusted_potential(80, 100) == 80
