"""Scores from 1 to 100 on a frozen scale: between goalposts, by standard deviations, by rank (method 9.4).

The scale comes from a panel given to it and does not move with what is scored: a follow-up, or a draw of
the Monte Carlo, is measured with the same ruler. The first way makes the index; the others show how much the choice
matters (9.7). Transforms and directions are applied before. Unknown stays nan.

``axis`` is that over which units lie. What belongs to the scale has the shape of the values without that axis, and may
lack leading axes: values of draws by units by indicators take goalposts by indicators with ``axis=-2``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.composite import score
from agrocluster.measures.safe import Floats


@dataclass(frozen=True)
class Scale:
    """What the three ways need of the panel.

    Attributes:
        low, high: goalposts; mean, sd: moments (n - 1). All have the shape of the panel without its axis of units, and
            are nan where less than two values are known.
        panel: the panel's values, units along the last axis.
    """

    low: Floats
    high: Floats
    mean: Floats
    sd: Floats
    panel: Floats


def frozen_scale(panel: ArrayLike, *, axis: int = -1, low: float = 0.05, high: float = 0.95) -> Scale:
    """The scale of a panel.

    Args:
        panel: transformed values; axis: that of units.
        low, high: quantiles that score 1 and 100 (``goalpost_low``, ``goalpost_high``), linear between values.
    """
    x = np.moveaxis(np.asarray(panel, dtype=np.float64), axis, -1)
    known = ~np.isnan(x)
    n = known.sum(axis=-1)
    enough = n >= 2
    # Rows that hold nothing would only raise a warning about it.
    filled = np.where(enough[..., None], x, 0)
    bottom, top = (np.where(enough, np.nanquantile(filled, q, axis=-1), np.nan) for q in (low, high))
    count = np.where(enough, n, np.nan)
    mean = np.where(known, x, 0).sum(axis=-1) / count
    spread = np.where(known, x - mean[..., None], 0)
    sd = np.sqrt(np.square(spread).sum(axis=-1) / (count - 1))
    return Scale(bottom, top, mean, sd, x)


def min_max(values: ArrayLike, low: ArrayLike, high: ArrayLike, *, axis: int = -1) -> Floats:
    """1 at the lower goalpost, 100 at the upper, linear between, held there beyond; nan where low is not below high."""
    y = np.asarray(values, dtype=np.float64)
    bottom, top = _along(low, axis), _along(high, axis)
    usable = bottom < top
    return score(y, np.where(usable, bottom, np.nan), np.where(usable, top, np.nan))


def z_score(values: ArrayLike, mean: ArrayLike, sd: ArrayLike, *, span: float = 1.645, axis: int = -1) -> Floats:
    """1 at ``span`` standard deviations below the mean of the panel, 50.5 at it, 100 as far above; held beyond.

    Args:
        values: transformed; mean, sd: of the panel, frozen.
        span: standard deviations (``zscore_span``). With 1.645 a normally distributed indicator scores as between P5
            and P95, so that the difference to ``min_max`` is that of the shape alone.

    nan where the panel has no spread.
    """
    y, centre, deviation = np.asarray(values, dtype=np.float64), _along(mean, axis), _along(sd, axis)
    reach = span * np.where(deviation > 0, deviation, np.nan)
    return score(y, centre - reach, centre + reach)


def rank_percentile(values: ArrayLike, panel: ArrayLike, *, axis: int = -1) -> Floats:
    """1 + 99 p, p being the share of the panel below the value plus half of the share equal to it.

    Args:
        values: transformed; panel: values with units on the same ``axis``, as many as they are; may lack leading axes
            of ``values``.

    Ties share the mean of their ranks: a member of a panel of n scores p = (rank - 1/2) / n. nan where the value is, or
    where the panel knows nothing.
    """
    y, x = (np.moveaxis(np.asarray(v, dtype=np.float64), axis, -1) for v in (values, panel))
    found = np.full(y.shape, np.nan)
    ordered, known = np.sort(x, axis=-1), (~np.isnan(x)).sum(axis=-1)
    for place in np.ndindex(x.shape[:-1]):
        n = known[place]
        if n:
            row = ordered[place][:n]
            at = (..., *place, slice(None))
            below, upto = (np.searchsorted(row, y[at], side=side) for side in ("left", "right"))
            found[at] = 1 + 99 * (below + upto) / (2 * n)
    return np.moveaxis(np.where(np.isnan(y), np.nan, found), -1, axis)


def _along(of_scale: ArrayLike, axis: int) -> Floats:
    """A figure of the scale with an axis where units lie; one figure for everything stays as it is."""
    figure = np.asarray(of_scale, dtype=np.float64)
    return np.expand_dims(figure, axis) if figure.ndim else figure
