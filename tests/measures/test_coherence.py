"""The audit of coherence against other implementations, and what holds for any panel."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from agrocluster.measures import coherence

ELEMENTS = st.one_of(st.just(np.nan), st.integers(0, 4).map(float), st.integers(-10_000, 10_000).map(lambda v: v / 7))
PANELS = hnp.arrays(np.float64, st.tuples(st.integers(3, 25), st.integers(2, 4)), elements=ELEMENTS)


def common(panel: np.ndarray, i: int, j: int) -> np.ndarray:
    both = panel[:, [i, j]]
    return both[~np.isnan(both).any(axis=1)]


@settings(max_examples=60)
@given(PANELS)
def test_correlations_are_those_of_the_pairs_that_are_known(panel: np.ndarray) -> None:
    (pearson, n), (spearman, n_ranked) = coherence.correlations(panel), coherence.rank_correlations(panel)
    np.testing.assert_array_equal(n, n_ranked)
    for matrix in (pearson, spearman):
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
        assert (np.abs(matrix[~np.isnan(matrix)]) <= 1).all()
    for i in range(panel.shape[1]):
        for j in range(i):
            pair = common(panel, i, j)
            assert n[i, j] == len(pair)
            if len(pair) < 2 or (np.ptp(pair, axis=0) == 0).any():
                assert np.isnan(pearson[i, j])
                assert np.isnan(spearman[i, j])
                continue
            assert spearman[i, j] == pytest.approx(stats.spearmanr(*pair.T).statistic, abs=1e-9)
            assert pearson[i, j] == pytest.approx(np.corrcoef(pair.T)[0, 1], abs=1e-7)


@settings(max_examples=40)
@given(PANELS, st.floats(0.01, 100), st.floats(-100, 100))
def test_units_of_measurement_change_no_correlation_and_a_turned_indicator_changes_its_sign(
    panel, factor, shift
) -> None:
    r, turned = coherence.correlations(panel)[0], panel.copy()
    turned[:, 0] = -panel[:, 0] * factor + shift
    changed = coherence.correlations(turned)[0]
    expected = r.copy()
    expected[0, 1:] *= -1
    expected[1:, 0] *= -1
    np.testing.assert_allclose(changed, expected, atol=1e-6)


@settings(max_examples=40)
@given(PANELS)
def test_shape_is_that_of_the_database(panel: np.ndarray) -> None:
    """Goalposts publish skewness and kurtosis too, as DuckDB computes them: both must say the same."""
    skew, kurtosis = coherence.skewness(panel), coherence.excess_kurtosis(panel)
    for column, g1, g2 in zip(panel.T, skew, kurtosis, strict=True):
        known = column[~np.isnan(column)]
        if len(known) < 4 or np.ptp(known) == 0:
            assert np.isnan(g2)
            continue
        table = pa.table({"y": known})
        (theirs,) = duckdb.from_arrow(table).aggregate("skewness(y), kurtosis(y)").fetchall()
        assert (g1, g2) == pytest.approx(theirs, rel=1e-6, abs=1e-6)


def test_the_rule_of_thumb_asks_for_both() -> None:
    assert coherence.is_skewed([2.5, -2.5, 2.5, 1.0], [4.0, 4.0, 3.0, 9.0]).tolist() == [True, True, False, False]
    assert not coherence.is_skewed(np.nan, 9.0)


def test_cronbach_alpha_of_the_textbook() -> None:
    """Three items of five persons: variances 1.3, 1.3, 1.0; that of the sum 9.7."""
    items = np.array([[2, 3, 3], [4, 4, 4], [3, 4, 4], [5, 6, 5], [4, 5, 5.0]])
    by_hand = 3 / 2 * (1 - items.var(axis=0, ddof=1).sum() / items.sum(axis=1).var(ddof=1))
    assert coherence.cronbach_alpha(items) == pytest.approx(by_hand)
    assert coherence.cronbach_alpha(np.column_stack([items, np.full(5, 2.0)])) == pytest.approx(by_hand)
    assert np.isnan(coherence.cronbach_alpha(items[:, :1]))


@given(hnp.arrays(np.float64, (9, 3), elements=st.integers(-50, 50).map(float)))
def test_alpha_of_copies_is_1_and_of_any_items_at_most_that(values: np.ndarray) -> None:
    alpha = coherence.cronbach_alpha(values)
    # At most 1 wherever the items agree at all; where they contradict, the sum may vary less than its parts.
    total = values.sum(axis=1).var()
    assert np.isnan(alpha) or total < 1e-9 or alpha <= 1 + 1e-9
    if np.ptp(values[:, 0]):
        assert coherence.cronbach_alpha(np.repeat(values[:, :1], 4, axis=1)) == pytest.approx(1)


def test_alpha_rests_on_pairs_where_values_are_missing() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(200, 1)) + rng.normal(size=(200, 4))
    full = coherence.cronbach_alpha(values)
    values[rng.uniform(size=values.shape) < 0.2] = np.nan
    assert coherence.cronbach_alpha(values) == pytest.approx(full, abs=0.05)
    assert full == pytest.approx(0.8, abs=0.05)


@settings(max_examples=40)
@given(PANELS)
def test_components_add_up_to_what_varies(panel: np.ndarray) -> None:
    found = coherence.principal_components(panel)
    varying = sum(np.ptp(c[~np.isnan(c)]) > 0 if (~np.isnan(c)).any() else False for c in panel.T)
    if len(found.eigenvalues):
        assert len(found.eigenvalues) == varying
        assert found.eigenvalues.sum() == pytest.approx(varying)
        assert found.explained.sum() == pytest.approx(1)
        assert (np.diff(found.eigenvalues) <= 1e-12).all()


def test_components_of_a_complete_panel() -> None:
    values = np.random.default_rng(7).normal(size=(60, 5))
    expected = np.linalg.eigvalsh(np.corrcoef(values.T))[::-1]
    np.testing.assert_allclose(coherence.principal_components(values).eigenvalues, expected, atol=1e-10)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(10, 80), st.sampled_from([2, 5, 1000]))
def test_a_curve_explains_at_least_what_a_line_does_and_at_most_everything(seed: int, n: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.floor(rng.uniform(size=(n, 2)) * values)
    y = rng.normal(size=n) + x[:, 0] / values
    found = coherence.importance(x, y)
    r = coherence.correlations(np.column_stack([x, y]))[0][:2, 2]
    np.testing.assert_allclose(found.linear, r**2, atol=1e-12)
    known = ~np.isnan(found.linear)
    assert (found.spline[known] >= found.linear[known]).all()
    assert (found.spline[known] <= 1 + 1e-9).all()
    scaled = coherence.importance(x * 3 + 1, 5 - 2 * y)
    np.testing.assert_allclose(scaled.spline, found.spline, atol=1e-6)


def test_importance_of_known_models() -> None:
    """y = x_1 is decided by x_1 alone; a parabola about 0 by its x, though no line shows it; noise by neither."""
    x = np.random.default_rng(8).uniform(-1, 1, size=(2000, 3))
    assert coherence.importance(x, x[:, 0]).spline == pytest.approx([1, 0, 0], abs=0.02)
    curve = coherence.importance(x, x[:, 1] ** 2)
    assert curve.spline[1] == pytest.approx(1, abs=0.01)
    assert curve.linear[1] < 0.01
    both = coherence.importance(x, 3 * x[:, 0] + x[:, 2])
    assert both.spline == pytest.approx([0.9, 0, 0.1], abs=0.03)


def test_importance_rests_on_the_common_units_and_needs_ten_of_them() -> None:
    x = np.random.default_rng(9).normal(size=(40, 2))
    y = x[:, 0] * 2
    x[9:, 1] = np.nan
    y[:5] = np.nan
    found = coherence.importance(x, y)
    assert found.n.tolist() == [35, 4]
    assert found.linear[0] == pytest.approx(1)
    assert np.isnan(found.linear[1])
    assert np.isnan(found.spline[1])
    assert np.isnan(coherence.importance(np.ones((20, 1)), np.arange(20.0)).linear).all()
