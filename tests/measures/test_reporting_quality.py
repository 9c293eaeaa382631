"""Reporting quality: effects that were planted are found again, whatever the order and the unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.measures import reporting_quality as quality

SIZES = (9, 7, 5, 4)


def planted(seed: int, n: int = 400) -> tuple[np.ndarray, ...]:
    """Codes, weights, values, and discrepancies made of normalised effects without noise; with level and effects."""
    rng = np.random.default_rng(seed)
    codes = [np.concatenate([np.arange(size), rng.integers(0, size, n - size)]) for size in SIZES]
    value = rng.lognormal(12, 2, n)
    effects = []
    for code, size in zip(codes, SIZES, strict=True):
        effect = rng.normal(0, 0.3, size)
        effects.append(effect - (value * effect[code]).sum() / value.sum())
    gap = 0.7 + sum(effect[code] for effect, code in zip(effects, codes, strict=True))
    return codes, np.sqrt(value), value, gap, effects


@given(st.integers(0, 10_000))
def test_planted_effects_are_found_again(seed: int) -> None:
    codes, weight, value, gap, effects = planted(seed)
    found = quality.estimate(gap, weight, value, codes, SIZES)
    assert found.level == pytest.approx(0.7, abs=1e-8)
    for estimated, true in zip(found.factors, effects, strict=True):
        np.testing.assert_allclose(estimated, true, atol=1e-7)
    assert [int(count.sum()) for count in found.counts] == [400] * 4


@given(st.integers(0, 1000), st.sampled_from([1e-6, 1e3]))
def test_neither_unit_nor_order_matters(seed: int, unit: float) -> None:
    codes, weight, value, gap, _ = planted(seed)
    gap = gap + np.random.default_rng(seed).normal(0, 0.2, gap.size)
    order = np.random.default_rng(seed + 1).permutation(gap.size)
    one = quality.estimate(gap, weight, value, codes, SIZES)
    other = quality.estimate(
        gap[order], (weight * unit**0.5)[order], (value * unit)[order], [code[order] for code in codes], SIZES
    )
    for a, b in zip(one.factors, other.factors, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_effects_solve_the_weighted_least_squares() -> None:
    codes, weight, value, gap, _ = planted(5)
    gap = gap + np.random.default_rng(5).normal(0, 0.5, gap.size)
    found = quality.estimate(gap, weight, value, codes, SIZES)
    dummies = np.concatenate([np.eye(size)[code] for code, size in zip(codes, SIZES, strict=True)], axis=1)
    root = np.sqrt(weight)
    best = np.linalg.lstsq(dummies * root[:, None], gap * root, rcond=None)[0]
    fitted = found.level + sum(effect[code] for effect, code in zip(found.factors, codes, strict=True))
    np.testing.assert_allclose(fitted, dummies @ best, atol=1e-9)
    for effect, code in zip(found.factors, codes, strict=True):
        assert (value * effect[code]).sum() / value.sum() == pytest.approx(0, abs=1e-9)


def test_groups_that_share_nothing_and_codes_without_flows() -> None:
    exporter, importer = np.array([0, 0, 1, 1, 3, 3]), np.array([0, 1, 0, 1, 3, 3])
    none = np.zeros(6, dtype=int)
    gap = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 1.1])
    found = quality.estimate(gap, np.ones(6), np.ones(6), [exporter, importer, none, none], [4, 4, 1, 1])
    assert np.isnan(found.factors[0][2])
    assert found.counts[0].tolist() == [2, 2, 0, 2]
    np.testing.assert_allclose(found.level + found.factors[0][3] + found.factors[1][3], 1.0, atol=1e-9)
    assert found.factors[0][1] - found.factors[0][0] == pytest.approx(0.2)


def test_sigma_has_a_floor_and_stands_in_for_the_unknown() -> None:
    np.testing.assert_allclose(quality.sigma(0.3, [-0.28, 0.2, np.nan], floor=0.05, unknown=0.25), [0.05, 0.5, 0.3])
    nothing = quality.estimate([], [], [], [np.array([], dtype=int)] * 2, [3, 3])
    np.testing.assert_array_equal(
        quality.sigma(nothing.level, nothing.factors[0], floor=0.05, unknown=0.25), [0.25] * 3
    )


def test_small_flows_say_nothing_about_quality() -> None:
    np.testing.assert_array_equal(
        quality.usable([5000, 4999, np.nan, 1e6], [5000, 1e6, 1e6, 0], 5000), [True, False, False, False]
    )
