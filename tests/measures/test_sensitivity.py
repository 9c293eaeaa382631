"""Sobol indices: models with known answers, and what holds for any model."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.measures import sensitivity
from agrocluster.measures.sensitivity import factorial_effects, factorial_parts

LEVELS = st.lists(st.integers(2, 4), min_size=1, max_size=4)


def grid(levels: list[int]) -> np.ndarray:
    return np.array(list(itertools.product(*(range(n) for n in levels))))


def test_a_sum_has_no_interactions_and_a_product_of_signs_nothing_else() -> None:
    choices = grid([2, 2, 3])
    effect = np.array([0.0, 3.0])[choices[:, 0]] + np.array([0.0, 1.0, 5.0])[choices[:, 2]]
    signs = (2 * choices[:, 0] - 1) * (2 * choices[:, 1] - 1)
    found = factorial_effects(np.column_stack([effect, signs, np.full(12, 4.0)]), choices)
    variances = np.array([2.25, 0, 14 / 3])
    np.testing.assert_allclose(found.first[:, 0], variances / variances.sum(), atol=1e-12)
    np.testing.assert_allclose(found.total[:, 0], found.first[:, 0], atol=1e-12)
    np.testing.assert_allclose(found.first[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(found.total[:, 1], [1, 1, 0], atol=1e-12)
    assert found.reason.tolist() == ["", "", sensitivity.CONSTANT]
    assert np.isnan(found.first[:, 2]).all()
    assert found.variance[2] == 0
    parts = factorial_parts(signs[:, None], choices)
    assert {key: round(float(v[0]), 12) for key, v in parts.items() if abs(v[0]) > 1e-12} == {(0, 1): 1.0}


def test_unequal_probabilities_weigh_the_levels() -> None:
    choices = grid([2, 2])
    outputs = np.array([0.0, 10.0])[choices[:, 0]] + choices[:, 1]
    found = factorial_effects(outputs, choices, probability=[[9, 1], [1, 1]])
    assert found.variance == pytest.approx(100 * 0.09 + 0.25)
    np.testing.assert_allclose(found.first, [9 / 9.25, 0.25 / 9.25])


@settings(max_examples=60)
@given(LEVELS, st.integers(0, 2**32 - 1), st.booleans())
def test_all_parts_add_up_to_the_variance(levels: list[int], seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    choices = grid(levels)
    outputs = rng.normal(size=(len(choices), 2, 3))
    p = [rng.uniform(0.2, 1, n) for n in levels] if weighted else None
    found, parts = factorial_effects(outputs, choices, probability=p), factorial_parts(outputs, choices, probability=p)
    np.testing.assert_allclose(sum(parts.values()), found.variance, rtol=1e-9)
    assert all((part >= -1e-9).all() for part in parts.values())
    for i in range(len(levels)):
        np.testing.assert_allclose(found.first[i], parts[(i,)] / found.variance, atol=1e-9)
        with_i = sum(part for key, part in parts.items() if i in key)
        np.testing.assert_allclose(found.total[i], with_i / found.variance, atol=1e-9)
    assert (found.first.sum(axis=0) <= 1 + 1e-9).all()
    assert (found.total >= found.first - 1e-9).all()
    assert (found.total <= 1 + 1e-9).all()


@settings(max_examples=40)
@given(LEVELS, st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-100, 100))
def test_neither_order_nor_units_matter(levels: list[int], seed: int, factor: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    choices = grid(levels)
    outputs = rng.normal(size=(len(choices), 4))
    mixed = rng.permutation(len(choices))
    plain = factorial_effects(outputs, choices)
    for other in (
        factorial_effects(outputs[mixed], choices[mixed]),
        factorial_effects(outputs * factor + shift, choices),
    ):
        np.testing.assert_allclose(other.first, plain.first, atol=1e-8)
        np.testing.assert_allclose(other.total, plain.total, atol=1e-8)


def test_a_cell_unknown_under_one_choice_is_unknown_and_says_so() -> None:
    choices = grid([2, 3])
    outputs = np.arange(12, dtype=np.float64).reshape(6, 2)
    outputs[4, 0] = np.nan
    found = factorial_effects(outputs, choices)
    assert found.reason.tolist() == [sensitivity.UNKNOWN, ""]
    assert np.isnan(found.first[:, 0]).all()
    assert np.isnan(found.variance[0])
    assert found.first[:, 1].sum() == pytest.approx(1)


def test_half_a_factorial_is_refused() -> None:
    choices = grid([2, 2])
    with pytest.raises(ValueError, match="one for each of the 4"):
        factorial_effects(np.zeros(3), choices[:3])
    with pytest.raises(ValueError, match="one for each of the 4"):
        factorial_effects(np.zeros(4), choices[[0, 1, 3, 3]])
    with pytest.raises(ValueError, match="needs a probability"):
        factorial_effects(np.zeros(4), choices, probability=[[1], [1, 1]])


def ishigami(u: np.ndarray, a: float = 7.0, b: float = 0.1) -> np.ndarray:
    x = math.pi * (2 * u - 1)
    return np.sin(x[..., 0]) + a * np.sin(x[..., 1]) ** 2 + b * x[..., 2] ** 4 * np.sin(x[..., 0])


def test_ishigami_function() -> None:
    """Analytic indices of Ishigami and Homma (1990)."""
    a, b, pi = 7.0, 0.1, math.pi
    v1, v2 = (1 + b * pi**4 / 5) ** 2 / 2, a**2 / 8
    v13 = b**2 * pi**8 * (1 / 18 - 1 / 50)
    v = v1 + v2 + v13
    found = sensitivity.saltelli_effects(ishigami(sensitivity.saltelli_sample(2**13, 3, np.random.default_rng(0))))
    np.testing.assert_allclose(found.first, [v1 / v, v2 / v, 0], atol=0.01)
    np.testing.assert_allclose(found.total, [(v1 + v13) / v, v2 / v, v13 / v], atol=0.01)
    assert float(found.variance) == pytest.approx(v, rel=0.01)


def test_g_function_of_sobol() -> None:
    """Analytic indices of Saltelli et al. (2010), for several cells at once."""
    a = np.array([0.0, 1, 4.5, 9, 99])
    u = sensitivity.saltelli_sample(2**13, 5, np.random.default_rng(1))
    y = ((np.abs(4 * u - 2) + a) / (1 + a)).prod(axis=-1)
    part = 1 / (3 * (1 + a) ** 2)
    v = np.prod(1 + part) - 1
    total = part * (np.prod(1 + part) / (1 + part)) / v
    found = sensitivity.saltelli_effects(np.stack([y, 5 - 2 * y, np.where(u[..., 0] > 0.5, np.nan, y)], axis=-1))
    for cell in (0, 1):
        np.testing.assert_allclose(found.first[:, cell], part / v, atol=0.01)
        np.testing.assert_allclose(found.total[:, cell], total, atol=0.01)
    assert found.reason.tolist() == ["", "", sensitivity.UNKNOWN]
    assert np.isnan(found.total[:, 2]).all()


def test_a_sample_of_discrete_choices_comes_near_the_exact_indices() -> None:
    levels = [3, 2, 4]
    choices = grid(levels)
    table = np.random.default_rng(4).normal(size=levels)
    exact = factorial_effects(table.reshape(-1), choices)
    picked = sensitivity.as_levels(sensitivity.saltelli_sample(2**12, 3, np.random.default_rng(2)), levels)
    sampled = sensitivity.saltelli_effects(table[tuple(np.moveaxis(picked, -1, 0))])
    np.testing.assert_allclose(sampled.first, exact.first, atol=0.02)
    np.testing.assert_allclose(sampled.total, exact.total, atol=0.02)
    share = [np.bincount(picked[0, :, i]) / 2**12 for i in range(3)]
    for n, found in zip(levels, share, strict=True):
        np.testing.assert_allclose(found, 1 / n, atol=0.005)


@given(st.integers(1, 6), st.integers(0, 99))
def test_the_sample_mixes_two_matrices_column_by_column(factors: int, seed: int) -> None:
    points = sensitivity.saltelli_sample(8, factors, np.random.default_rng(seed))
    assert points.shape == (factors + 2, 8, factors)
    assert ((points >= 0) & (points < 1)).all()
    a, b = points[:2]
    for i in range(factors):
        columns = np.where(np.arange(factors) == i, b, a)
        np.testing.assert_array_equal(points[i + 2], columns)


@pytest.mark.parametrize("n", [0, 1, 12])
def test_an_unbalanced_sample_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        sensitivity.saltelli_sample(n, 2, np.random.default_rng(0))
