"""Other weights: drawn, by principal component, and each unit's best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures.weights import benefit_of_the_doubt, dirichlet_weights, pca_weights

NOMINAL = hnp.arrays(np.float64, st.integers(1, 8), elements=st.one_of(st.just(0.0), st.floats(0.1, 10)))
SCORES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 8), st.integers(1, 4)),
    elements=st.one_of(st.just(np.nan), st.floats(1, 100)),
)


@given(NOMINAL, st.integers(0, 1000), st.data())
def test_drawn_weights_add_up_in_every_group_and_leave_zero_alone(nominal: np.ndarray, seed: int, data) -> None:
    group = data.draw(hnp.arrays(np.int64, len(nominal), elements=st.integers(0, 2)))
    drawn = dirichlet_weights(np.random.default_rng(seed), nominal, 7, group=group)
    np.testing.assert_array_equal(drawn, dirichlet_weights(np.random.default_rng(seed), nominal, 7, group=group))
    assert (drawn[:, nominal == 0] == 0).all()
    assert (drawn[:, nominal > 0] > 0).all()
    for label in set(group.tolist()):
        whole = drawn[:, group == label].sum(axis=1)
        np.testing.assert_allclose(whole, 1 if nominal[group == label].any() else 0, atol=1e-12)


@pytest.mark.parametrize("concentration", [1.0, 10.0])
def test_drawn_weights_have_the_moments_of_a_dirichlet_distribution(concentration: float) -> None:
    nominal, group = np.array([1.0, 1, 1, 1, 3, 1]), np.array([0, 0, 0, 0, 1, 1])
    drawn = dirichlet_weights(np.random.default_rng(5), nominal, 40_000, group=group, concentration=concentration)
    mean = np.array([0.25] * 4 + [0.75, 0.25])
    total = concentration * np.array([4.0] * 4 + [2.0] * 2)
    sd = np.sqrt(mean * (1 - mean) / (total + 1))
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * sd.max() / math.sqrt(40_000))
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.03)


def test_pca_weights_of_two_blocks_follow_the_larger_one() -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(size=(500, 1))
    values = np.hstack([common + 0.5 * rng.normal(size=(500, 3)), rng.normal(size=(500, 1))])
    weights = pca_weights(values)
    assert weights.sum() == pytest.approx(1)
    assert weights[3] < 0.02
    # Squares of the leading eigenvector of the correlations.
    _, vectors = np.linalg.eigh(np.corrcoef(values.T))
    np.testing.assert_allclose(weights, vectors[:, -1] ** 2, atol=1e-10)


@given(hnp.arrays(np.float64, (12, 3), elements=st.floats(-100, 100)), st.floats(0.1, 10))
def test_pca_weights_add_up_and_know_no_units_of_measurement(values: np.ndarray, factor: float) -> None:
    values = np.round(values) + np.arange(12)[:, None] * [1000.0, 900, -800]
    weights = pca_weights(values)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(pca_weights(values * factor + 3), weights, atol=1e-6)


def test_pca_weights_leave_out_what_does_not_vary() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(30, 4))
    values[:, 2] = 7.0
    weights = pca_weights(values)
    assert np.isnan(weights[2])
    assert np.nansum(weights) == pytest.approx(1)
    np.testing.assert_allclose(weights[[0, 1, 3]], pca_weights(values[:, [0, 1, 3]]))
    assert np.isnan(pca_weights(np.ones((5, 2)))).all()


def test_benefit_of_the_doubt_by_hand() -> None:
    """One input of 1 and two outputs: the frontier runs from (10, 2) to (2, 10)."""
    found = benefit_of_the_doubt([[10, 2], [2, 10], [5, 5], [1, 1]])
    np.testing.assert_allclose(found.score, [1, 1, 10 / 12, 2 / 12], atol=1e-9)
    np.testing.assert_allclose(found.share[2], [0.5, 0.5], atol=1e-9)


def test_with_the_floor_at_its_top_all_pillars_add_alike() -> None:
    """w = (1/2y_1, 1/2y_2) s for unit c, limited by the peer that it lets rise highest."""
    scores = np.array([[10.0, 2], [2, 10], [5, 5]])
    found = benefit_of_the_doubt(scores, least_share=1.0)
    expected = [min(1.0, *(2 / (peer / own).sum() for peer in scores)) for own in scores]
    np.testing.assert_allclose(found.score, expected, atol=1e-9)
    np.testing.assert_allclose(found.share, 0.5, atol=1e-9)


@settings(max_examples=40)
@given(SCORES, st.floats(0.01, 100), st.sampled_from([0.0, 0.5, 1.0]))
def test_benefit_of_the_doubt_is_a_share_that_needs_no_common_unit(scores, factor: float, least: float) -> None:
    found = benefit_of_the_doubt(scores, least_share=least)
    some = ~np.isnan(scores).all(axis=1)
    np.testing.assert_array_equal(np.isnan(found.score), ~some)
    assert ((found.score[some] > 0) & (found.score[some] <= 1 + 1e-9)).all()
    np.testing.assert_array_equal(np.isnan(found.share), np.isnan(scores))
    np.testing.assert_allclose(np.nansum(found.share[some], axis=1), 1)
    floor = least / np.maximum((~np.isnan(scores)).sum(axis=1, keepdims=True), 1)
    assert (np.where(np.isnan(scores), 1, found.share) >= floor - 1e-7).all()
    other_unit = benefit_of_the_doubt(scores * np.r_[factor, np.ones(scores.shape[1] - 1)], least_share=least)
    np.testing.assert_allclose(other_unit.score, found.score, atol=1e-7)


@settings(max_examples=30)
@given(SCORES)
def test_a_gap_of_a_peer_lowers_nobody_and_more_peers_lift_nobody(scores: np.ndarray) -> None:
    free = benefit_of_the_doubt(scores).score
    tight = benefit_of_the_doubt(scores, least_share=0.5).score
    some = ~np.isnan(free)
    assert (tight[some] <= free[some] + 1e-7).all(), "a limit on weights takes freedom"
    gapped = scores.copy()
    gapped[0, 0] = np.nan
    fewer_known = benefit_of_the_doubt(scores[1:], peers=gapped).score
    fully_known = benefit_of_the_doubt(scores[1:], peers=scores).score
    nobody = benefit_of_the_doubt(scores[1:], peers=scores[1:]).score
    for less, more in ((fully_known, fewer_known), (fully_known, nobody)):
        both = ~np.isnan(less)
        assert (less[both] <= more[both] + 1e-7).all()
