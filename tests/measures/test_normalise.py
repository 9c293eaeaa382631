"""Scores on a frozen scale: what they are worth, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm, rankdata

from agrocluster.measures import normalise

ELEMENTS = st.one_of(st.just(np.nan), st.integers(-5, 5).map(float), st.floats(-1e6, 1e6))
PANELS = hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=ELEMENTS)


def ways(panel: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    scale = normalise.frozen_scale(panel)
    return {
        "min_max": normalise.min_max(values, scale.low, scale.high),
        "z_score": normalise.z_score(values, scale.mean, scale.sd),
        "rank": normalise.rank_percentile(values, scale.panel),
    }


@given(PANELS, st.data())
def test_scores_run_from_1_to_100_rise_with_the_value_and_keep_the_unknown(panel: np.ndarray, data) -> None:
    values = data.draw(hnp.arrays(np.float64, (panel.shape[0], 12), elements=ELEMENTS))
    for name, score in ways(panel, values).items():
        known = ~np.isnan(score)
        assert ((score[known] >= 1) & (score[known] <= 100)).all(), name
        assert not known[np.isnan(values)].any()
        for row, scored in zip(values, score, strict=True):
            order = np.argsort(row[~np.isnan(scored)], kind="stable")
            assert (np.diff(scored[~np.isnan(scored)][order]) >= 0).all(), name


@given(PANELS, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_a_change_of_units_changes_no_score(panel: np.ndarray, factor: float, shift: float) -> None:
    spread = np.nanmax(panel, axis=1, initial=-np.inf) - np.nanmin(panel, axis=1, initial=np.inf)
    assume((spread > 1).all())
    before, after = ways(panel, panel), ways(panel * factor + shift, panel * factor + shift)
    scale = normalise.frozen_scale(panel)
    for name in ("min_max", "z_score"):
        # Goalposts much closer together than the values are large leave few digits for the scale.
        fine = (scale.high - scale.low > 1e-3) & np.isfinite(scale.low)
        np.testing.assert_allclose(after[name][fine], before[name][fine], atol=1e-2)
    same_order = all(
        np.array_equal(rankdata(a[~np.isnan(a)]), rankdata(b[~np.isnan(b)]))
        for a, b in zip(panel, panel * factor + shift, strict=True)
    )
    if same_order:
        np.testing.assert_array_equal(after["rank"], before["rank"])


@given(PANELS)
def test_the_panel_has_the_percentiles_of_its_own_ranks(panel: np.ndarray) -> None:
    found = normalise.rank_percentile(panel, panel)
    for row, scored in zip(panel, found, strict=True):
        known = row[~np.isnan(row)]
        np.testing.assert_allclose(
            scored[~np.isnan(row)], 1 + 99 * (rankdata(known) - 0.5) / max(len(known), 1), rtol=1e-12
        )
        if len(known):
            assert np.nanmean(scored) == pytest.approx(50.5)


@given(PANELS)
def test_the_scale_is_that_of_the_known_values(panel: np.ndarray) -> None:
    scale = normalise.frozen_scale(panel)
    for i, row in enumerate(panel):
        known = row[~np.isnan(row)]
        expected = (
            [*np.quantile(known, [0.05, 0.95]), known.mean(), known.std(ddof=1)] if len(known) > 1 else [np.nan] * 4
        )
        size = max(1.0, np.abs(known).max(initial=0))
        found = [part[i] for part in (scale.low, scale.high, scale.mean, scale.sd)]
        np.testing.assert_allclose(found, expected, atol=1e-9 * size)


def test_axes_before_the_units_are_free() -> None:
    rng = np.random.default_rng(1)
    panel, draws = rng.normal(size=(40, 3)), rng.normal(size=(6, 5, 3))
    draws[2, 1, 0] = np.nan
    scale = normalise.frozen_scale(panel, axis=0)
    together = (
        normalise.min_max(draws, scale.low, scale.high, axis=-2),
        normalise.z_score(draws, scale.mean, scale.sd, axis=-2),
        normalise.rank_percentile(draws, panel, axis=-2),
    )
    for d in range(6):
        alone = ways(panel.T, draws[d].T)
        for found, name in zip(together, ("min_max", "z_score", "rank"), strict=True):
            np.testing.assert_array_equal(found[d], alone[name].T)


def test_on_a_normal_panel_standard_deviations_score_as_p5_and_p95_do() -> None:
    panel = norm.ppf((np.arange(20_000) + 0.5) / 20_000) * 7 + 30
    scores = ways(panel, panel)
    np.testing.assert_allclose(scores["z_score"], scores["min_max"], atol=0.02)


def test_what_has_no_spread_or_no_panel_has_no_score() -> None:
    flat = ways(np.full((1, 5), 3.0), np.array([[3.0, 4.0]]))
    assert np.isnan(flat["min_max"]).all()
    assert np.isnan(flat["z_score"]).all()
    np.testing.assert_array_equal(flat["rank"], [[50.5, 100.0]])
    assert all(np.isnan(score).all() for score in ways(np.full((1, 5), np.nan), np.array([[3.0]])).values())
