"""Stars and types of places: who has them, how far the next one is, and that going there earns it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import location
from agrocluster.measures.stars import Stars, Thresholds, _top_value, productivity_star, stars, typology

ACTIVITY = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 48), st.integers(1, 4)),
    elements=st.one_of(st.just(0.0), st.just(np.nan), st.floats(1, 1e6)),
)


def given_stars(size: float, spec: float, focus: float) -> Stars:
    rest = np.zeros(4)
    return Stars(
        *(np.array(star, dtype=float) for star in (size, spec, focus, size + spec + focus, *rest[:3])),
        np.array(None, dtype=object),
        np.array(0.0),
    )


def earned(activity: np.ndarray) -> Stars:
    quotient = location.lq_of(activity)
    of_place = np.nansum(activity, axis=1, keepdims=True)
    share = np.divide(activity, of_place, out=np.full(activity.shape, np.nan), where=of_place > 0)
    return stars(activity, quotient, quotient * 0.8, share)


def test_a_tenth_of_forty_eight_regions_is_five_and_ties_are_let_in() -> None:
    activity = np.arange(1.0, 49.0)
    assert stars(activity, 3.0, 2.0, 0.5).size.sum() == 5
    activity[:44] = 44.0
    assert stars(activity, 3.0, 2.0, 0.5).size.sum() == 48
    assert _top_value(np.arange(1.0, 31.0), 0.1) == 28


def test_each_star_needs_both_of_its_conditions() -> None:
    activity = np.array([97.0, 2.0, 0.5, 0.5])
    found = stars(activity, [3.0, 3.0, 1.9, 3.0], [1.5, 1.0, 1.5, np.nan], [0.04, 0.01, 0.0, 0.02])
    np.testing.assert_array_equal(found.size, [1, 0, 0, 0])
    np.testing.assert_array_equal(found.spec, [1, 0, 0, np.nan])
    np.testing.assert_array_equal(found.focus, [0, 0, 0, 0])
    np.testing.assert_array_equal(found.count, [2, 0, 0, np.nan])
    np.testing.assert_allclose(found.missing_lq[:3], [0, 0, 0.1])
    assert found.nearest.tolist()[:3] == ["focus", "spec", "spec"]
    assert found.distance[0] == pytest.approx(0.25)
    small = stars(np.full(200, 1.0), 3.0, 2.0, 0.5, Thresholds(size_min=0.01))
    assert small.size.sum() == 0
    np.testing.assert_allclose(small.missing_size, 1 / 0.99)


@given(ACTIVITY)
def test_stars_are_none_to_three_and_unknown_places_have_none_known(activity: np.ndarray) -> None:
    found = earned(activity)
    unknown = np.isnan(activity)
    counted = found.count[~np.isnan(found.count)]
    assert np.isin(counted, [0, 1, 2, 3]).all()
    assert np.isnan(found.count[unknown]).all()
    traded = (np.nansum(activity, axis=1, keepdims=True) > 0) & (np.nansum(activity, axis=0) > 0)
    assert (found.count[(activity == 0) & traded] == 0).all()
    for missing in (found.missing_size, found.missing_lq, found.missing_focus):
        assert not (missing < 0).any()


@given(ACTIVITY)
def test_what_is_missing_earns_the_star(activity: np.ndarray) -> None:
    found = earned(activity)
    for n, h in np.argwhere((found.size == 0) & (found.missing_size > 0))[:3]:
        more = activity.copy()
        more[n, h] += found.missing_size[n, h] * (1 + 1e-9) + 1e-6
        assert earned(more).size[n, h] == 1
    lacking = (found.spec == 0) & (activity > 0)
    quotient = location.lq_of(activity)
    better = quotient + found.missing_lq * (1 + 1e-9)
    again = stars(activity, better, better * 0.8, 0.1)
    assert (again.spec[lacking] == 1).all()


def test_productivity_is_the_top_fifth_of_what_is_known() -> None:
    found = productivity_star([5.0, 4.0, 3.0, 2.0, 1.0, np.nan])
    np.testing.assert_array_equal(found, [1, 0, 0, 0, 0, np.nan])
    assert productivity_star(np.ones(4)).sum() == 4


def test_types_follow_the_stars_and_what_rises() -> None:
    cases = {
        "core": ((1, 1, 0), 3.0, 0.0),
        "specialised_small": ((0, 1, 0), 3.0, 0.5),
        "big_diluted": ((1, 0, 0), 0.5, 0.5),
        "emerging": ((0, 0, 1), 1.0, 0.11),
        "none": ((0, 0, 0), 1.5, 0.1),
    }
    for name, (has, quotient, change) in cases.items():
        assert typology(given_stars(*has), quotient, change) == name
    # Two stars known are enough; of one known and one unknown nothing can be said.
    assert typology(given_stars(1, np.nan, 1), 1.0, 0.0) == "core"
    assert typology(given_stars(1, np.nan, 0), 1.0, 0.0).item() is None
    assert typology(given_stars(0, 0, 0), 1.5, np.nan).item() is None
    assert typology(given_stars(0, 0, 0), 0.5, np.nan) == "none"


def test_countries_of_a_pool_can_have_stars_as_well() -> None:
    four = np.array([[80.0, 10.0], [10.0, 10.0], [5.0, 60.0], [5.0, 20.0]])
    found = earned(four)
    np.testing.assert_array_equal(found.size, [[1, 0], [0, 0], [0, 1], [0, 0]])
