"""Measures along a value chain: how far goods are processed, what land and animals give, what the country feeds.

Formulas of methodology 6. All take floats or arrays of the same shape and return arrays; unknown is nan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def dpr(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Degree of processing: processed and final exports over all exports without inputs; 0 to 1."""
    a, b, c = _floats(primary, processed, final)
    return _divide(b + c, a + b + c)


def upgrading_index(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Upgrading index, (processed + 2 final) / (2 all): 0 all primary, 1 all final."""
    a, b, c = _floats(primary, processed, final)
    return _divide(b + 2 * c, 2 * (a + b + c))


def plq(own: ArrayLike, own_all: ArrayLike, world: ArrayLike, world_all: ArrayLike) -> Floats:
    """Production location quotient, (GPV_ch / GPV_c) / (GPV_wh / GPV_w), neutral 1 (methodology 5.1)."""
    a, b, c, d = _floats(own, own_all, world, world_all)
    return _divide(_divide(a, b), _divide(c, d))


def yield_gap(value: ArrayLike, reference: ArrayLike) -> Floats:
    """Missing share of a reference yield, 1 - Y / Y_ref, held between 0 and 1."""
    y, ref = _floats(value, reference)
    return np.clip(1 - _divide(y, ref), 0, 1)


def growth(recent: ArrayLike, before: ArrayLike, years: int) -> Floats:
    """Growth per year in log points between two windows of sums, ln(P1 / P0) / years; nan for entry and exit."""
    a, b = _floats(recent, before)
    ratio = _divide(a, b)
    return np.log(np.where(ratio > 0, ratio, np.nan)) / years


def ssr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Self-sufficiency, P / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = _floats(production, imports, exports, stock)
    supply = p + m - x + s
    return _divide(p, np.where(supply > 0, supply, np.nan))


def idr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Import dependency, M / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = _floats(production, imports, exports, stock)
    supply = p + m - x + s
    return _divide(m, np.where(supply > 0, supply, np.nan))


def _floats(*values: ArrayLike) -> list[Floats]:
    return [np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(*(np.asarray(v) for v in values))]


def _divide(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b != 0)
