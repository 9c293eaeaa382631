"""Measures along a value chain: how far goods are processed, what land and animals give, what the country feeds.

Formulas of methodology 6. All take floats or arrays of the same shape and return arrays; unknown is nan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, floats


def dpr(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Degree of processing: processed and final exports over all exports without inputs; 0 to 1."""
    a, b, c = floats(primary, processed, final)
    return divide(b + c, a + b + c)


def upgrading_index(primary: ArrayLike, processed: ArrayLike, final: ArrayLike) -> Floats:
    """Upgrading index, (processed + 2 final) / (2 all): 0 all primary, 1 all final."""
    a, b, c = floats(primary, processed, final)
    return divide(b + 2 * c, 2 * (a + b + c))


def plq(own: ArrayLike, own_all: ArrayLike, world: ArrayLike, world_all: ArrayLike) -> Floats:
    """Production location quotient, (GPV_ch / GPV_c) / (GPV_wh / GPV_w), neutral 1 (methodology 5.1)."""
    a, b, c, d = floats(own, own_all, world, world_all)
    return divide(divide(a, b), divide(c, d))


def yield_gap(value: ArrayLike, reference: ArrayLike) -> Floats:
    """Missing share of a reference yield, 1 - Y / Y_ref, held between 0 and 1."""
    y, ref = floats(value, reference)
    return np.clip(1 - divide(y, ref), 0, 1)


def growth(recent: ArrayLike, before: ArrayLike, years: int) -> Floats:
    """Growth per year in log points between two windows of sums, ln(P1 / P0) / years; nan for entry and exit."""
    a, b = floats(recent, before)
    ratio = divide(a, b)
    return np.log(np.where(ratio > 0, ratio, np.nan)) / years


def ssr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Self-sufficiency, P / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = floats(production, imports, exports, stock)
    supply = p + m - x + s
    return divide(p, np.where(supply > 0, supply, np.nan))


def idr(production: ArrayLike, imports: ArrayLike, exports: ArrayLike, stock: ArrayLike = 0.0) -> Floats:
    """Import dependency, M / (P + M - X + dS), dS with the sign that makes the balance close."""
    p, m, x, s = floats(production, imports, exports, stock)
    supply = p + m - x + s
    return divide(m, np.where(supply > 0, supply, np.nan))
