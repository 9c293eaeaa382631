"""Jobs behind a chain's output: the formula of the method, and what the band around it spans."""

from __future__ import annotations

import numpy as np
import pytest

from agrocluster.measures import jobs

SHARE = np.array([0.5, 0.3])
FACTOR = np.array([3.0, 1.0])
OUTPUT = np.array([5e8, 3e8])


def found(untapped: float = 2e7, low: float = 1.0) -> jobs.Jobs:
    mean = jobs.mean_factor(SHARE, FACTOR)
    return jobs.jobs_band(1e5, SHARE, OUTPUT, (FACTOR * low, FACTOR, FACTOR), mean, untapped)


def test_the_formula_of_the_method() -> None:
    # 100,000 persons x 0.5 x 3 / USD 500 m = 300; x 0.3 x 1 / USD 300 m = 100.
    assert found().per_usd_m == pytest.approx([300, 100])
    assert found().high == pytest.approx([300 * 20, 100 * 20])


def test_the_lower_reading_hands_out_as_many_jobs_as_there_are() -> None:
    mean = float(jobs.mean_factor(SHARE, FACTOR))
    assert mean == pytest.approx(0.5 * 3 + 0.3 * 1 + 0.2 * 1)
    in_chains = (found().per_usd_m_low * OUTPUT / 1e6).sum()
    elsewhere = 1e5 * 0.2 / mean
    assert in_chains + elsewhere == pytest.approx(1e5)


def test_a_lower_factor_lowers_the_lower_end_only() -> None:
    assert found(low=0.5).low == pytest.approx(found().low / 2)
    assert found(low=0.5).high == pytest.approx(found().high)


def test_the_usual_figure_lies_inside_even_where_factors_are_below_one() -> None:
    mean = jobs.mean_factor(np.array([0.9]), np.array([0.5]))
    assert mean < 1
    band = jobs.jobs_band(1e5, 0.9, 9e8, (0.5, 0.5, 0.5), mean, 1e6)
    assert band.low <= band.per_usd_m <= band.high
    assert band.low < band.high


def test_unknown_stays_unknown_and_a_chain_without_output_has_no_ratio() -> None:
    band = jobs.jobs_band([1e5, np.nan, 1e5], [0.1, 0.1, 0.0], [1e8, 1e8, 0.0], (1, 1, 1), 1, [np.nan, 1e6, 1e6])
    assert np.isnan(band.low).all()
    assert np.isnan(band.per_usd_m).tolist() == [False, True, True]


def test_an_unknown_share_counts_as_farming_outside_of_the_chains() -> None:
    assert jobs.mean_factor([[0.5, np.nan], [0.5, 0.2]], [3, 3]) == pytest.approx([2.0, 2.4])
