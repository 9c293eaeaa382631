"""The freight factor: planted models are found again, and every case has its rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.measures import cif

ALMATY, TASHKENT, MOSCOW = (43.2525, 76.9115), (41.2647, 69.2163), (55.752, 37.6178)


def planted(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features of n flows and ln(CIF / FOB) made from known coefficients, without noise."""
    rng = np.random.default_rng(seed)
    distance, unit_value = rng.uniform(200, 12_000, n), rng.uniform(0.1, 50, n)
    rows = cif.features(
        distance, rng.integers(0, 2, n), rng.integers(0, 3, n), unit_value, 2012 + rng.integers(0, 9, n)
    )
    return rows, 2.9 + rows @ np.array([-0.05, 0.006, -0.02, 0.01, -0.015, -0.0013])


def test_a_planted_model_is_found_again_without_noise() -> None:
    rows, y = planted(2000)
    model = cif.fit(y, rows, np.random.default_rng(2).uniform(0.1, 1, 2000), min_observations=500, max_ln_ratio=1)
    assert model.observations == 2000
    np.testing.assert_allclose(model.tau(rows, 10), np.clip(np.expm1(y), 0, 10), atol=1e-9)
    np.testing.assert_allclose(model.slopes, [-0.05, 0.006, -0.02, 0.01, -0.015, -0.0013], atol=1e-8)


def test_weights_and_wild_ratios_keep_other_matters_out() -> None:
    rows, y = planted(2000)
    spoilt, weight = y.copy(), np.ones(2000)
    spoilt[:200], spoilt[200:400] = 3.0, 0.9
    weight[200:400] = 0
    model = cif.fit(spoilt, rows, weight, min_observations=500, max_ln_ratio=1)
    assert model.observations == 1600
    np.testing.assert_allclose(model.tau(rows, 10), np.clip(np.expm1(y), 0, 10), atol=1e-9)


def test_too_few_flows_give_no_model() -> None:
    rows, y = planted(499)
    assert cif.fit(y, rows, np.ones(499), min_observations=500, max_ln_ratio=1) is None


def test_a_feature_that_does_not_vary_has_no_effect() -> None:
    rows, y = planted(1000)
    rows[:, 2], rows[:, 5] = 1.0, 2015.0
    model = cif.fit(y, rows, np.ones(1000), min_observations=500, max_ln_ratio=1)
    assert model.slopes[2] == model.slopes[5] == 0
    assert np.isfinite(model.tau(rows, 0.4)).all()


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_a_modelled_factor_is_never_negative_nor_above_the_cap(slopes, intercept, seed) -> None:
    model = cif.FreightModel(intercept, np.array(slopes), 1000)
    tau = model.tau(planted(50, seed)[0], 0.4)
    assert ((tau >= 0) & (tau <= 0.4)).all()


def test_a_flow_without_distance_or_unit_value_has_no_modelled_factor() -> None:
    rows = cif.features([np.nan, 500, 500], [0, 0, 0], [1, 1, 1], [2.0, np.nan, 2.0], [2020] * 3)
    assert np.isnan(cif.FreightModel(0.1, np.zeros(6), 900).tau(rows, 0.4)).tolist() == [True, True, False]


def test_the_best_known_factor_is_taken() -> None:
    m_value, m_cif, m_fob = (
        [100.0, 110, 200, 100, 100],
        [np.nan, 110, 200, np.nan, np.nan],
        [100.0, 100, 100, np.nan, np.nan],
    )
    tau, basis = cif.cif_factor(m_value, m_cif, m_fob, [0.2, 0.2, 0.2, 0.2, np.nan], flat=0.06, cap=0.4)
    np.testing.assert_allclose(tau, [0, 0.1, 0.4, 0.2, 0.06])
    assert [cif.BASES[b] for b in basis] == ["fob", "reported", "reported", "model", "flat"]


def test_long_hauls_of_cheap_goods_carry_most_freight() -> None:
    steps = [0.06, 0.1, 0.15, 0.2]
    found = cif.quartile_factor([100, 500, 2000, 9000, np.nan], [50, 5, 2, 0.2, 1], steps)
    np.testing.assert_array_equal(found, [0.06, 0.1, 0.15, 0.2, np.nan])
    assert np.isnan(cif.quartile_factor([np.nan], [1.0], steps)).all()


def test_distances_along_the_surface() -> None:
    assert cif.great_circle_km(0, 0, 0, 180) == pytest.approx(np.pi * cif.EARTH_RADIUS_KM)
    assert cif.great_circle_km(*ALMATY, *TASHKENT) == pytest.approx(672, abs=10)
    assert cif.great_circle_km(*ALMATY, *MOSCOW) == pytest.approx(3110, abs=20)
    assert cif.great_circle_km(*ALMATY, *ALMATY) == 0
    assert np.isnan(cif.great_circle_km(np.nan, 0, 0, 0))


def test_weights_follow_the_agreement_of_quantities() -> None:
    np.testing.assert_allclose(cif.quantity_similarity([10, 20, 5], [20, 10, 5]), [0.5, 0.5, 1])
    assert np.isnan(cif.quantity_similarity(np.nan, 10))
