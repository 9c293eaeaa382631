"""Unit values against the world: what a country gets for a kilogram, and for a basket of kilograms (method 1.7).

A unit value is a price with much else in it: grade, packing, under-invoicing, barter. Cells are given one by one with
the number of their group (a product in a year), as arrays of one length. Weights must be measured ones: the caller
makes estimated weights nan. Unknown stays nan and is left out of medians.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, choose, divide, floats, known_sum, ln

CLASSES = ("low", "mid", "high")
"""Names ``ruv_class`` returns."""


def unit_value(value: ArrayLike, net_kg: ArrayLike) -> Floats:
    """Dollars per kilogram of net weight; nan without weight or value."""
    v, q = floats(value, net_kg)
    return divide(np.where(v > 0, v, np.nan), np.where(q > 0, q, np.nan))


def reference_unit_value(value: ArrayLike, net_kg: ArrayLike, group: ArrayLike, *, min_kg: float = 1000.0) -> Floats:
    """World-median unit value of every group, dollars per kilogram.

    Args:
        value, net_kg: dollars and kilograms of exporter cells; group: number of each cell's group, from 0 on.
        min_kg: lighter cells do not count (``uv_ref_min_kg``).

    The lower median with dollars as weights: the smallest unit value at which half of the group's value is reached.

    Returns:
        One value per group number, 0 to the largest; nan where no cell counts.
    """
    v, q = floats(value, net_kg)
    price, codes = unit_value(v, q), np.asarray(group, dtype=np.int64)
    counts = ~np.isnan(price) & (q >= min_kg)
    return _median(price[counts], v[counts], codes[counts], int(codes.max(initial=-1)) + 1)


def ruv(unit_values: ArrayLike, reference: ArrayLike) -> Floats:
    """Relative unit value, UV / UV_ref, neutral 1; reference per cell, ``reference_unit_value(...)[group]``."""
    price, base = floats(unit_values, reference)
    return divide(price, base)


def ruv_class(relative: ArrayLike, *, band: float = 0.15) -> NDArray[np.object_]:
    """``low`` below 1 / (1 + band), ``high`` above 1 + band, ``mid`` between, None where unknown.

    Args:
        band: a (``ruv_band``); 0.25 as sensitivity (Greenaway, Hine and Milner 1995; Fontagne et al. 2005).
    """
    x = np.asarray(relative, dtype=np.float64)
    conditions = [x < 1 / (1 + band), x <= 1 + band, x > 1 + band]
    return choose(conditions, CLASSES)


def is_outlier(relative: ArrayLike, group: ArrayLike, *, deviations: float = 3.0) -> NDArray[np.bool_]:
    """Cells whose |ln RUV| exceeds its median in the group by more than ``deviations`` median absolute deviations.

    Args:
        relative: RUV of each cell; group: its product and year, numbers from 0 on.
        deviations: factor of the MAD, which is not scaled to a standard deviation (``ruv_mad``).

    False where RUV is unknown: there is nothing to drop. Groups of cells of one size have no deviation, and whatever
    lies above their median is dropped by the rule; where half the cells agree exactly, that is meant.
    """
    codes = np.asarray(group, dtype=np.int64)
    size = np.abs(ln(relative))
    known = ~np.isnan(size)
    centre = median_by_group(size, codes)[codes]
    spread = median_by_group(np.abs(size - centre), codes)[codes]
    # A step above rounding: a cell that sits on the median itself must not fall to its last bit.
    limit = centre + deviations * spread
    return known & (size > limit + 1e-12 * np.maximum(np.abs(limit), 1))


def median_by_group(values: ArrayLike, group: ArrayLike) -> Floats:
    """Plain median of the known values of every group number, 0 to the largest; nan where none is known."""
    x, codes = np.asarray(values, dtype=np.float64), np.asarray(group, dtype=np.int64)
    size = int(codes.max(initial=-1)) + 1
    known = ~np.isnan(x)
    x, codes = x[known], codes[known]
    x = x[np.lexsort((x, codes))]
    count = np.bincount(codes, minlength=size)
    start = np.cumsum(count) - count
    found = np.full(size, np.nan)
    some = count > 0
    lower, upper = start + (count - 1) // 2, start + count // 2
    found[some] = (x[lower[some]] + x[upper[some]]) / 2
    return found


def chain_ruv(
    relative: ArrayLike, base_value: ArrayLike, base_reference: ArrayLike | None = None, *, known_min: float = 0.6
) -> tuple[Floats, Floats]:
    """Relative unit value of a basket, exp(sum w_k ln RUV_k), and the weight it knows (Tornqvist; 1.7).

    Args:
        relative: RUV per product, products along the last axis; outliers made nan.
        base_value: dollars per product of the country in the base window, fixed for all years, so that a change is one
            of prices and not of composition.
        base_reference: the same of the world; weights are then the means of both shares, the Tornqvist index of the
            country against the world. Without it the country's own shares (geometric Laspeyres).
        known_min: below this known weight the basket is nan (``known_share_min``, 0.4).

    Returns:
        RUV of the basket, and coverage: the weight of products whose RUV is known, from 0 to 1.
    """
    price, own = floats(relative, base_value)
    weight = divide(own, known_sum(own, axis=-1, keepdims=True))
    if base_reference is not None:
        other = np.broadcast_to(np.asarray(base_reference, dtype=np.float64), weight.shape)
        weight = (weight + divide(other, known_sum(other, axis=-1, keepdims=True))) / 2
    log = ln(price)
    known = ~np.isnan(log) & ~np.isnan(weight)
    coverage = np.where(known, weight, 0).sum(axis=-1)
    mean = divide(np.where(known, weight * np.where(known, log, 0), 0).sum(axis=-1), coverage)
    return np.where(coverage >= known_min, np.exp(mean), np.nan), coverage


def _median(values: Floats, weight: Floats, codes: NDArray[np.int64], size: int) -> Floats:
    """Lower weighted median of every group."""
    order = np.lexsort((values, codes))
    values, weight, codes = values[order], weight[order], codes[order]
    # Shares of the group and not dollars, lest one running sum over groups of very different size round the small.
    share = weight / np.bincount(codes, weight, minlength=size)[codes]
    running = np.concatenate([[0.0], np.cumsum(share)])
    count = np.bincount(codes, minlength=size)
    before = running[np.cumsum(count) - count]
    reached = np.flatnonzero(running[1:] - before[codes] >= 0.5 - 1e-9)
    groups, first = np.unique(codes[reached], return_index=True)
    found = np.full(size, np.nan)
    found[groups] = values[reached[first]]
    return found
