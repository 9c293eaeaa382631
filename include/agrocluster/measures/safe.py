"""Floats and division that keep unknown unknown: what every measure is written with.

Unknown is nan; a ratio without a denominator is nan, never zero and never infinite.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def floats(*values: ArrayLike) -> list[Floats]:
    """The values as float64 arrays of one common shape."""
    return [np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(*(np.asarray(v) for v in values))]


def divide(a: ArrayLike, b: ArrayLike) -> Floats:
    """a / b; nan where b is zero."""
    top, bottom = floats(a, b)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)


def known_sum(values: ArrayLike, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Floats:
    """Sum of what is known; nan where nothing is, so that a row without any report does not add up to zero."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    total = np.where(known, x, 0).sum(axis=axis, keepdims=keepdims)
    return np.where(known.any(axis=axis, keepdims=keepdims), total, np.nan)


def ln(value: ArrayLike) -> Floats:
    """Natural logarithm; nan where the value is not positive."""
    x = np.asarray(value, dtype=np.float64)
    return np.log(x, out=np.full(x.shape, np.nan), where=x > 0)


def choose(conditions: Sequence[NDArray[np.bool_]], names: Sequence[str]) -> NDArray[np.object_]:
    """The name of the first condition that holds, None where none does."""
    chosen = np.full(conditions[0].shape, None, dtype=object)
    for condition, name in reversed(list(zip(conditions, names, strict=True))):
        chosen[condition] = name
    return chosen
