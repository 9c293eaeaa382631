"""Change, noise, prices and donors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from agrocluster.measures.progress import VERDICTS, donor_weights, minimum_detectable_change, verdict

points = st.floats(0.01, 50)
rhos = st.floats(-1, 1)


def test_the_worked_example_of_the_methodology() -> None:
    mdc = minimum_detectable_change(2.0, 2.0)
    assert mdc == pytest.approx(5.5437171645, abs=1e-9)
    assert verdict([7.0, 5.0, -7.0], mdc, 0.0).tolist() == ["improved", "no_detectable_change", "declined"]


@given(points, points, rhos)
def test_the_detectable_change_is_that_of_the_difference_of_two_correlated_scores(s0, s1, rho) -> None:
    loading = np.array([[s0, 0.0], [rho * s1, np.sqrt(1 - rho**2) * s1]])
    difference = loading[1] - loading[0]
    assert minimum_detectable_change(s0, s1, rho) == pytest.approx(1.96 * np.hypot(*difference), abs=1e-6)


@given(points, points, rhos, rhos)
def test_scores_that_err_together_let_smaller_changes_be_seen(s0, s1, a, b) -> None:
    low, high = sorted((a, b))
    assert minimum_detectable_change(s0, s1, high) <= minimum_detectable_change(s0, s1, low) + 1e-9


def test_unknown_errors_give_no_verdict() -> None:
    mdc = minimum_detectable_change([np.nan, 1.0], [1.0, 1.0])
    assert np.isnan(mdc[0])
    assert verdict([9.0, np.nan], mdc, 0.0).tolist() == ["not_comparable", "not_comparable"]


@pytest.mark.parametrize(
    ("change", "prices", "said"),
    [
        (8.0, 0.0, "improved"),
        (8.0, 4.0, "moved_with_world_prices"),
        (8.0, 3.9, "no_detectable_change"),  # neither what is left nor what prices did explains it
        (-8.0, -3.9, "no_detectable_change"),
        (8.0, 2.9, "improved"),
        (8.0, 30.0, "moved_with_world_prices"),  # the rise is all prices, whatever fell beneath it
        (8.0, -4.0, "improved"),
        (8.0, np.nan, "improved"),
        (-8.0, -4.0, "moved_with_world_prices"),
        (-8.0, 4.0, "declined"),
        (4.0, -9.0, "no_detectable_change"),
        (5.0, 0.0, "no_detectable_change"),
    ],
)
def test_a_change_is_real_only_beyond_noise_and_beyond_prices(change, prices, said) -> None:
    assert verdict(change, 5.0, prices).item() == said


@pytest.mark.parametrize(("least", "said"), [(0.25, "moved_with_world_prices"), (0.4, "no_detectable_change")])
def test_how_large_the_part_of_prices_must_be_can_be_chosen(least, said) -> None:
    assert verdict(10.0, 8.0, 3.0, least).item() == said


@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(0, 20), st.floats(-60, 60)), min_size=1, max_size=20))
def test_a_mirrored_change_has_the_mirrored_verdict(cells) -> None:
    change, mdc, prices = np.array(cells).T
    mirror = {v: v for v in VERDICTS} | {"improved": "declined", "declined": "improved"}
    assert [mirror[v] for v in verdict(change, mdc, prices)] == verdict(-change, mdc, -prices).tolist()


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 8))
def test_donor_weights_are_convex_and_fit_no_worse_than_any_other_mixture(seed, n, k) -> None:
    draw = np.random.default_rng(seed)
    treated, donors = draw.uniform(1, 100, k), draw.uniform(1, 100, (n, k))

    def loss(w) -> float:
        return float(np.sum((w @ donors - treated) ** 2) + np.sum(w**2))

    weights = donor_weights(treated, donors)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    for other in [*draw.dirichlet(np.ones(n), 200), *np.eye(n)]:
        assert loss(weights) <= loss(other) + 1e-6


def test_donor_weights_are_those_of_a_general_optimiser() -> None:
    draw = np.random.default_rng(3)
    treated, donors = draw.uniform(20, 80, 6), draw.uniform(1, 100, (9, 6))
    found = minimize(
        lambda w: np.sum((w @ donors - treated) ** 2) + np.sum(w**2),
        np.full(9, 1 / 9),
        bounds=[(0, 1)] * 9,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert donor_weights(treated, donors) == pytest.approx(found.x, abs=1e-4)


def test_a_donor_that_is_the_treated_unit_carries_all_and_twins_share() -> None:
    treated = np.array([50.0, 20.0, 70.0])
    far = np.array([[1.0, 99.0, 1.0]])
    assert donor_weights(treated, np.vstack([treated, far])) == pytest.approx([1, 0], abs=1e-3)
    assert donor_weights(treated, np.vstack([treated, treated, far])) == pytest.approx([0.5, 0.5, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("treated", "donors", "ridge"),
    [([1.0], [], 1.0), ([1.0], [[1.0, 2.0]], 1.0), ([np.nan], [[1.0]], 1.0), ([1.0], [[1.0]], 0.0)],
)
def test_what_cannot_be_mixed_is_refused(treated, donors, ridge) -> None:
    with pytest.raises(ValueError):
        donor_weights(treated, donors, ridge)
