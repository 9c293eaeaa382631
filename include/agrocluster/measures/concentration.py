"""Concentration of values over markets or products: how few, how unequal, and how much of the world is reached (1.8).

Values are dollars, not negative, along one axis (the last by default), so that a matrix gives one result per row.
Shares of an unknown total are unknown: a single nan makes its row nan, and so does a total of zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, ln


def hhi(values: ArrayLike, axis: int = -1) -> Floats:
    """Herfindahl index, sum of squared shares, from 1 / n to 1."""
    return np.square(_shares(values, axis)).sum(axis=axis)


def hhi_norm(values: ArrayLike, n: int | None = None, axis: int = -1) -> Floats:
    """Normalised Herfindahl index, (HHI - 1/n) / (1 - 1/n): 0 for equal shares, 1 for a single one.

    Args:
        n: number of possible markets or products; by default the number of values. Keep it fixed over time, a
            changing n looks like diversification. nan where n is 1.
    """
    size = _size(values, n, axis)
    return divide(hhi(values, axis) - 1 / size, 1 - 1 / size)


def effective_number(values: ArrayLike, axis: int = -1) -> Floats:
    """How many markets or products of equal size would be as concentrated, 1 / HHI."""
    return divide(1, hhi(values, axis))


def theil(values: ArrayLike, n: int | None = None, axis: int = -1) -> Floats:
    """Theil index over n possible products, sum s_k ln(n s_k), from 0 (equal) to ln n (a single one).

    Args:
        n: number of possible products, those without value included; by default the number of values. It must be fixed
            for an edition of HS (Cadot, Carrere and Strauss-Kahn 2011).

    Equals ``theil_between`` plus ``theil_within``.
    """
    return theil_within(values, axis) + theil_between(values, n, axis)


def theil_between(values: ArrayLike, n: int | None = None, axis: int = -1) -> Floats:
    """Extensive margin, ln(n / n_active): how few of the n possible products have any value."""
    shares, size = _shares(values, axis), _size(values, n, axis)
    active = (shares > 0).sum(axis=axis)
    if (active > size).any():
        raise ValueError("more products have a value than n says there can be")
    return np.where(np.isnan(shares).any(axis=axis), np.nan, np.log(size) - ln(active))


def theil_within(values: ArrayLike, axis: int = -1) -> Floats:
    """Intensive margin, sum s_k ln(n_active s_k): how unequal the active products are."""
    shares = _shares(values, axis)
    active = (shares > 0).sum(axis=axis, keepdims=True)
    terms = shares * np.where(shares == 0, 0, ln(active * shares))
    return terms.sum(axis=axis)


def market_penetration(exports: ArrayLike, world: ArrayLike) -> Floats:
    """Share of the markets that import its products which a country reaches, 0 to 1 (Hummels and Klenow 2005).

    Args:
        exports, world: dollars, products by markets (the last two axes): of the country, and all imports of the market.

    Pairs of product and market it sells in, over pairs of market and product it sells anywhere that the market
    imports. nan where it sells nothing. WITS prints it in percent as index of export market penetration.
    """
    x, w = np.broadcast_arrays(np.asarray(exports, dtype=np.float64), np.asarray(world, dtype=np.float64))
    sold = x > 0
    open_to = (w > 0) & sold.any(axis=-1, keepdims=True)
    return divide((sold & open_to).sum(axis=(-2, -1)), open_to.sum(axis=(-2, -1)))


def _shares(values: ArrayLike, axis: int) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    return divide(x, x.sum(axis=axis, keepdims=True))


def _size(values: ArrayLike, n: int | None, axis: int) -> int:
    return n if n is not None else int(np.shape(values)[axis])
