"""Location quotients: worked example I, what must hold for any activity, and intervals that cover."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import location, specialisation

EXAMPLE = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["I_location"]
COUNTS = [EXAMPLE["lq"][name] for name in ("e_ij", "e_j", "e_i", "e")]
ACTIVITY = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.one_of(st.just(0.0), st.floats(1, 1e9)),
)


def test_the_worked_example_of_a_quotient_and_its_interval() -> None:
    assert location.lq(*COUNTS) == pytest.approx(EXAMPLE["lq"]["lq"], abs=1e-9)
    assert location.lq_interval(*COUNTS) == pytest.approx(EXAMPLE["lq"]["ci"], abs=1e-9)
    low, high = location.lq_interval(*COUNTS, z=1)
    assert np.log(high / low) / 2 == pytest.approx(EXAMPLE["lq"]["se"], abs=1e-9)


def test_the_worked_example_of_standardised_quotients() -> None:
    quotients = EXAMPLE["slq"]["lq"]
    for logarithm, name in ((False, "slq"), (True, "ln_slq")):
        found = location.standardised(quotients, min_places=5, logarithm=logarithm)
        np.testing.assert_allclose(found.values, EXAMPLE["slq"][name], atol=1e-9)
        assert found.reason.item() is None


@pytest.mark.parametrize("n", [5, 6])
def test_few_places_can_never_stand_out_so_they_are_not_standardised(n: int) -> None:
    extreme = [1.0, *[0.0] * (n - 1)]
    found = location.standardised(extreme, min_places=n)
    assert found.values.max() == pytest.approx(EXAMPLE["slq_max_z"][f"n{n}"], abs=1e-6)
    guarded = location.standardised(extreme)
    assert np.isnan(guarded.values).all()
    assert guarded.reason == "too_few_places"


@given(ACTIVITY)
def test_the_mean_weighted_by_places_is_one_for_every_chain(activity: np.ndarray) -> None:
    quotients = location.lq_of(activity)
    weight = activity.sum(axis=1) / max(activity.sum(), 1)
    some = activity.any(axis=0)
    np.testing.assert_allclose((np.nan_to_num(quotients) * weight[:, None]).sum(axis=0)[some], 1, rtol=1e-9)
    assert np.isnan(quotients[:, ~some]).all()
    np.testing.assert_allclose(quotients, specialisation.rca(activity), rtol=1e-12)


def test_the_interval_of_counts_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    trials, size, share = 4000, 400, 0.1
    own, rest = random.binomial(size, 2 * share, trials), random.binomial(100_000, share, trials)
    low, high = location.lq_interval(own, size, own + rest, size + 100_000)
    truth = 2 * share / ((2 * share * size + share * 100_000) / (size + 100_000))
    assert 0.94 <= ((low <= truth) & (truth <= high)).mean() <= 0.97


def test_without_anybody_there_is_no_interval() -> None:
    low, high = location.lq_interval([0, 5], 100, 1000, 10_000)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < 0.5 < high[1]


def test_resampled_years_give_a_point_where_they_agree_and_a_range_where_not() -> None:
    steady = np.full((3, 2), [30.0, 5.0])
    low, middle, high = location.resampled_interval(steady, 100.0, 1000.0, 10_000.0, seed=1)
    np.testing.assert_allclose([low, middle, high], [[3, 0.5]] * 3)
    moving = np.array([[20.0, 5.0], [30.0, np.nan], [40.0, 5.0]])
    low, middle, high = location.resampled_interval(moving, 100.0, 1000.0, 10_000.0, seed=1)
    assert 2 <= low[0] < middle[0] < high[0] <= 4
    assert middle[0] == pytest.approx(3)
    assert np.isnan([low[1], middle[1], high[1]]).all()
    again = location.resampled_interval(moving, 100.0, 1000.0, 10_000.0, seed=1)
    np.testing.assert_array_equal(low, again[0])


def test_the_error_of_the_source_widens_the_range_by_as_much_as_it_says() -> None:
    steady = np.full((3, 1), 30.0)
    low, middle, high = location.resampled_interval(
        steady, 100.0, 1000.0, 10_000.0, sigma=0.2, level=0.9, draws=20_000, seed=3
    )
    np.testing.assert_allclose([low[0], middle[0], high[0]], 3 * np.exp(0.2 * np.array([-1.645, 0, 1.645])), rtol=0.02)


def test_a_drought_strikes_every_place_of_a_draw_alike() -> None:
    # Own and place move together, so the quotient does not.
    own = np.array([[10.0], [40.0], [90.0]])
    low, _, high = location.resampled_interval(own, own * 2, own * 10, own * 100, seed=5)
    np.testing.assert_allclose([low, high], 5, rtol=1e-12)


@given(hnp.arrays(np.float64, (12, 3), elements=st.floats(0, 50)), st.floats(0.1, 10), st.floats(0, 5))
def test_standardised_quotients_have_mean_0_deviation_1_and_no_unit(quotients, scale: float, shift: float) -> None:
    found = location.standardised(quotients)
    assert (np.isnan(found.values).all(axis=0) == (found.reason == "no_spread")).all()
    rated = found.reason != "no_spread"
    spread = quotients.std(axis=0)[rated] > 1e-3
    values = found.values[:, rated][:, spread]
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(values.std(axis=0, ddof=1), 1, rtol=1e-9)
    moved = location.standardised(quotients * scale + shift).values[:, rated][:, spread]
    np.testing.assert_allclose(moved, values, atol=1e-6)


def test_a_quotient_of_zero_has_no_logarithm_and_is_left_out() -> None:
    quotients = np.array([0.0, *np.exp(np.arange(10.0))])
    found = location.standardised(quotients, logarithm=True)
    assert np.isnan(found.values[0])
    np.testing.assert_allclose(found.values[1:], (np.arange(10) - 4.5) / np.arange(10.0).std(ddof=1))


def test_the_bootstrap_cut_off_is_that_of_plain_resampling_and_the_same_for_a_chain_alone() -> None:
    random = np.random.default_rng(11)
    scores = random.standard_normal((48, 3))
    scores[:40, 2] = np.nan
    cut = location.bootstrap_cutoff(scores, seed=4)
    assert np.isnan(cut[2])
    np.testing.assert_array_equal(location.bootstrap_cutoff(scores[:, 1], seed=4), cut[1])
    plain = [np.quantile(random.choice(scores[:, 0], 48), 0.95) for _ in range(5000)]
    assert cut[0] == pytest.approx(np.mean(plain), abs=0.02)
    assert cut[0] != location.bootstrap_cutoff(scores[:, 0], seed=5)
