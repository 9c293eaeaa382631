"""Freight and insurance in import values: the factor that frees them of it (method 2.3).

The factor tau says that CIF = FOB (1 + tau). It comes from the importer's own pair of values, from a regression on
what freight depends on, or from one flat rate. Estimates per product and route (OECD ITIC) are not held here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, divide, floats, ln

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""
BASES = ("fob", "reported", "model", "flat")
"""Where a factor comes from, the best first: FOB imports, both values from the importer, a model, the flat rate."""

FEATURES = (0, 1, 2, 3, 4, 5)
"""Columns of ``features``."""
WITHOUT_PRICE = (0, 1, 2, 3, 5)
"""The same where no unit value of the good is known."""


def great_circle_km(
    latitude: ArrayLike, longitude: ArrayLike, to_latitude: ArrayLike, to_longitude: ArrayLike
) -> Floats:
    """Distance along the surface between two points in degrees, kilometres (haversine); nan where unknown."""
    lat1, lon1, lat2, lon2 = (np.radians(v) for v in floats(latitude, longitude, to_latitude, to_longitude))
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))


def features(
    distance_km: ArrayLike, contiguous: ArrayLike, landlocked_ends: ArrayLike, unit_value: ArrayLike, year: ArrayLike
) -> Floats:
    """What freight depends on, flows by six: ln distance, its square, contiguity, landlocked ends (0 to 2), ln of the
    world-median unit value (dollars per kilogram), year (2.3, point 2; Gaulier and Zignago 2010)."""
    d = ln(distance_km)
    columns = floats(d, d**2, contiguous, landlocked_ends, ln(unit_value), year)
    return np.stack(columns, axis=-1)


def quantity_similarity(exporter_kg: ArrayLike, importer_kg: ArrayLike) -> Floats:
    """Weight of an observation: smaller over larger of the two reported weights, 0 to 1, nan where unknown.

    Reports that agree in quantity differ in value by freight; others differ because they are not the same goods.
    """
    a, b = floats(exporter_kg, importer_kg)
    return divide(np.minimum(a, b), np.maximum(a, b))


@dataclass(frozen=True)
class FreightModel:
    """A fitted regression of ln(CIF / FOB) on ``features``: intercept, slopes, and how many flows it rests on."""

    intercept: float
    slopes: Floats
    observations: int

    def tau(self, features: Floats, cap: float) -> Floats:
        """Predicted factor held between 0 and ``cap``; nan where a feature is unknown."""
        fitted = self.intercept + (features * self.slopes).sum(axis=-1)
        return np.minimum(np.expm1(np.clip(fitted, 0, np.log1p(cap))), cap)


def fit(
    ln_ratio: ArrayLike, features: Floats, weight: ArrayLike, *, min_observations: int, max_ln_ratio: float
) -> FreightModel | None:
    """Weighted least squares of ln(CIF / FOB), or None where it cannot be estimated.

    Args:
        ln_ratio: ln(m_cif / x) per flow; features: flows by features; weight: see ``quantity_similarity``.
        min_observations: fewer usable flows give no model.
        max_ln_ratio: flows whose ratio is larger in absolute value are no freight but another matter.

    A feature without variation gets the slope 0. Features that repeat each other share their effect (minimum norm).
    """
    y, w = floats(ln_ratio, weight)
    usable = (np.abs(y) <= max_ln_ratio) & (w > 0) & np.isfinite(features).all(axis=-1)
    if usable.sum() < min_observations:
        return None
    y, w, rows = y[usable], w[usable], features[usable]
    w = w / w.sum()
    centre, level = (w[:, None] * rows).sum(axis=0), float((w * y).sum())
    spread = np.sqrt((w[:, None] * (rows - centre) ** 2).sum(axis=0))
    moving = spread > 1e-9 * np.maximum(np.abs(centre), 1)
    slopes = np.zeros(rows.shape[1])
    if moving.any():
        z = (rows[:, moving] - centre[moving]) / spread[moving]
        # Sums over rows are written out: a matrix product takes them in an order that depends on the machine.
        gram = np.array([[(w * a * b).sum() for b in z.T] for a in z.T])
        moment = np.array([(w * a * (y - level)).sum() for a in z.T])
        slopes[moving] = np.linalg.lstsq(gram, moment, rcond=1e-10)[0] / spread[moving]
    return FreightModel(level - float((slopes * centre).sum()), slopes, int(usable.sum()))


def quartile_factor(distance_km: ArrayLike, unit_value: ArrayLike, steps: Sequence[float]) -> Floats:
    """The sensitivity case: ``steps`` (6, 10, 15, 20 %) by quartile of ln distance - ln unit value (2.3).

    Long hauls of goods that are worth little per kilogram carry most freight, hence the last step. nan where
    distance or unit value is unknown.
    """
    burden = ln(distance_km) - ln(unit_value)
    known = burden[~np.isnan(burden)]
    if not known.size:
        return np.full(burden.shape, np.nan)
    cuts = np.quantile(known, np.arange(1, len(steps)) / len(steps))
    chosen = np.asarray(steps, dtype=np.float64)[np.searchsorted(cuts, burden, side="left").clip(0, len(steps) - 1)]
    return np.where(np.isnan(burden), np.nan, chosen)


def cif_factor(
    m_value: ArrayLike, m_cif: ArrayLike, m_fob: ArrayLike, modelled: ArrayLike, *, flat: float, cap: float
) -> tuple[Floats, NDArray[np.int8]]:
    """The factor of every flow and the index of its origin in ``BASES`` (2.3).

    Args:
        m_value: the importer's value; m_cif, m_fob: its CIF and FOB values where the importer gives them, else nan.
        modelled: factor of a model, nan where there is none.
        flat: rate where nothing better is known; cap: upper bound, the lower one is 0.
    """
    value, with_freight, without, model = floats(m_value, m_cif, m_fob, modelled)
    is_fob = np.abs(value - without) <= 1e-9 * value
    own = divide(with_freight, without) - 1
    choices = [is_fob, ~np.isnan(own), ~np.isnan(model)]
    tau = np.select(choices, [np.zeros_like(value), own, model], default=flat)
    basis = np.select(choices, [0, 1, 2], default=3).astype(np.int8)
    return np.clip(tau, 0, cap), basis
