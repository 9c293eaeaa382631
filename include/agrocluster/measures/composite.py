"""Scores, pillars, sub-indices and confidence (methodology 9.4 to 9.8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def score(value: ArrayLike, low: float, high: float) -> Floats:
    """Score between frozen goalposts, 1 + 99 clip((y - L) / (U - L), 0, 1); nan stays nan. Needs low < high."""
    y = np.asarray(value, dtype=np.float64)
    return 1 + 99 * np.clip((y - low) / (high - low), 0, 1)


def arithmetic_mean(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Weighted mean of the known values, weights renormalised over them; nan when none is known."""
    x, w = _known(values, weights)
    return float(np.average(x, weights=w)) if x.size else float("nan")


def geometric_mean(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Weighted geometric mean of the known positive values, weights renormalised; nan when none is known."""
    x, w = _known(values, weights)
    return float(np.exp(np.average(np.log(x), weights=w))) if x.size else float("nan")


def potential(position: ArrayLike, headroom: ArrayLike) -> Floats:
    """POTENTIAL, sqrt(POSITION HEADROOM); nan where either is unknown."""
    return np.sqrt(np.asarray(position, dtype=np.float64) * np.asarray(headroom, dtype=np.float64))


def adjusted_potential(value: ArrayLike, enabling: ArrayLike, floor: float = 0.75) -> Floats:
    """Potential scaled by floor to 1 with the enabling score (1 to 100), for comparisons across countries."""
    return np.asarray(value, dtype=np.float64) * (floor + (1 - floor) * np.asarray(enabling, dtype=np.float64) / 100)


def confidence(parts: ArrayLike) -> float:
    """Confidence, geometric mean of its known parts, each between 0 and 1."""
    return geometric_mean(parts)


def _known(values: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    keep = ~np.isnan(x)
    return x[keep], w[keep]
