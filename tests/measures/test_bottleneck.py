"""The bottleneck of a chain: which stage is named, and when none is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures.bottleneck import STAGES, bottleneck, bottleneck_vector

PARTS = ("input_dependence", "plq", "yield_gap", "rsca_processed", "dpr", "rsca_final", "ui", "realised", "hhi_dest")
VECTORS = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.just(5)), elements=st.one_of(st.just(np.nan), st.floats(0, 100))
)


def test_stages_are_means_of_what_is_known() -> None:
    full = dict(zip(PARTS, (20, 60, 0.5, 40, 0.8, 10, 0.3, 0.6, 0.1), strict=True))
    np.testing.assert_allclose(bottleneck_vector(**full), [80, 55, 60, 20, 75])
    part = full | {"yield_gap": np.nan, "realised": np.nan, "rsca_final": np.nan, "ui": np.nan}
    np.testing.assert_allclose(bottleneck_vector(**part), [80, 60, 60, np.nan, 90])


def test_a_stage_is_named_only_where_it_is_clearly_the_lowest() -> None:
    stage, margin = bottleneck([[80, 55, 60, 20, 75], [80, 24, 60, 20, 75], [np.nan, np.nan, 60, np.nan, np.nan]], 5)
    assert [STAGES[stage[0]], stage[1], stage[2]] == ["final", -1, -1]
    np.testing.assert_allclose(margin, [35, 4, np.nan])


@given(VECTORS, st.floats(0, 20))
def test_the_named_stage_is_the_lowest_by_the_margin(vector: np.ndarray, least: float) -> None:
    stages, margins = bottleneck(vector, least)
    for scores, stage, margin in zip(vector, stages, margins, strict=True):
        known = np.sort(scores[~np.isnan(scores)])
        if len(known) < 2:
            assert np.isnan(margin)
            assert stage == -1
        else:
            assert margin == pytest.approx(known[1] - known[0])
            assert (stage >= 0) == (margin >= least)
            assert stage < 0 or scores[stage] == known[0]


@given(hnp.arrays(np.float64, (9, 4), elements=st.one_of(st.just(np.nan), st.floats(0, 1))))
def test_unknown_parts_never_make_a_score(parts: np.ndarray) -> None:
    vector = bottleneck_vector(**dict(zip(PARTS, parts, strict=True)))
    unknown = np.isnan(parts)
    np.testing.assert_array_equal(
        np.isnan(vector.T),
        [unknown[0], *(unknown[i] & unknown[i + 1] for i in (1, 3, 5, 7))],
    )
    assert ((vector >= 0) & (vector <= 100) | np.isnan(vector)).all()
