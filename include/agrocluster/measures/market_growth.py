"""Why exports grew: the world, the goods, the markets, or the exporter (constant-market-share analysis; 1.9).

A country sells x_kj of product k in market j; the market imports w_kj of it in all. Growth of exports is split into
what selling at the pace of the world would have given, what its goods and its markets add to that, and the rest:
competitiveness (Leamer and Stern 1970; Richardson 1971). Values are dollars of two windows, products by markets along
the last two axes; axes before them (countries) are kept. Every decomposition closes by construction. An unknown flow
makes the country's result nan: a residual would otherwise take it in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, divide

ORDERS = ("product_first", "market_first", "mean")
"""Which growth is taken off the world's first, the product's or the market's; or the mean of both."""


@dataclass(frozen=True)
class GrowthParts:
    """Parts of a change of exports, dollars (or points, see ``per_year``); one value per country.

    Attributes:
        change: X1 - X0; the sum of world, composition, market and residual.
        world: exports had they grown as all imports of the world did.
        composition: goods whose imports grew more than all; market: markets that grew more than the good did.
        residual: competitiveness, the sum of continuing, entry and exit.
        continuing, entry, exit: the residual in flows of both windows, of the second only, of the first only.
    """

    change: Floats
    world: Floats
    composition: Floats
    market: Floats
    residual: Floats
    continuing: Floats
    entry: Floats
    exit: Floats

    def per_year(self, exports: ArrayLike, years: float) -> GrowthParts:
        """The parts in percentage points a year of the first window's exports, nan where there were none (1.9).

        Args:
            exports: all exports of the first window, dollars; years: from the first window to the second.
        """
        scale = divide(100 / years, exports)
        return GrowthParts(**{name: part * scale for name, part in vars(self).items()})


def constant_market_share(
    before: ArrayLike, after: ArrayLike, world_before: ArrayLike, world_after: ArrayLike, *, order: str = "mean"
) -> tuple[GrowthParts, Floats]:
    """``decompose`` in every cell that it can measure, ``decompose_midpoint`` in the cells that it cannot (1.9).

    A cell that needs the mid-point (``needs_midpoint``) takes weight and growth from there, those of its product, its
    market and the world included; every other cell keeps the base period. Each cell closes by itself, so all do, and a
    single new market does not change how the others are measured.

    Returns:
        The parts, and per country the share of its exports of both windows in mid-point cells, 0 to 1.
    """
    x0, x1, w0, w1 = _flows(before, after, world_before, world_after)
    chosen, both = needs_midpoint(x0, x1, w0), x0 + x1
    growths = [
        np.where(chosen, middle, base)
        for middle, base in zip(_growths(w0, w1, midpoint=True), _growths(w0, w1, midpoint=False), strict=True)
    ]
    parts = _split(x0, x1, np.where(chosen, both / 2, x0), growths, order)
    return parts, divide(np.where(chosen, both, 0).sum(axis=(-2, -1)), both.sum(axis=(-2, -1)))


def decompose(
    before: ArrayLike, after: ArrayLike, world_before: ArrayLike, world_after: ArrayLike, *, order: str = "mean"
) -> GrowthParts:
    """Parts of X1 - X0 with the growth and the weights of the first window (1.9).

    Args:
        before, after: exports x_kj of both windows; world_before, world_after: imports w_kj of the same markets.
        order: one of ``ORDERS`` (``cms_order``). Products first is
            dX = g X0 + sum (g_k - g) X0_k + sum (g_kj - g_k) X0_kj + rest.

    nan where a flow went to a market that imported nothing before: it has no growth. ``decompose_midpoint`` has one,
    but for a world that imports nothing at all.
    """
    x0, x1, w0, w1 = _flows(before, after, world_before, world_after)
    return _split(x0, x1, x0, _growths(w0, w1, midpoint=False), order)


def decompose_midpoint(
    before: ArrayLike, after: ArrayLike, world_before: ArrayLike, world_after: ArrayLike, *, order: str = "mean"
) -> GrowthParts:
    """The same with growth over the mean of both windows, G = 2 (w1 - w0) / (w1 + w0), and weights (x0 + x1) / 2.

    Holds for markets that open (growth 2) or close (-2), so that entry and exit have a place (Cheptea, Gaulier and
    Zignago 2005).
    """
    x0, x1, w0, w1 = _flows(before, after, world_before, world_after)
    return _split(x0, x1, (x0 + x1) / 2, _growths(w0, w1, midpoint=True), order)


def needs_midpoint(before: ArrayLike, after: ArrayLike, world_before: ArrayLike) -> NDArray[np.bool_]:
    """Cells in which a country sells, in either window, but the first window knows no imports (W0_kj = 0; 1.9)."""
    x0, x1, w0 = _flows(before, after, world_before)
    return (w0 == 0) & (x0 + x1 > 0)


def world_of_others(world: ArrayLike, exports: ArrayLike, *, large: ArrayLike = True) -> Floats:
    """Imports without the country's own deliveries, w_kj - x_kj, not below 0: lest it be measured by itself (1.9).

    Args:
        large: where the country is so large a supplier that it matters, the same cells in both windows; elsewhere
            all imports are kept. See ``is_large_supplier``.
    """
    w, x, chosen = np.broadcast_arrays(np.asarray(world, float), np.asarray(exports, float), np.asarray(large, bool))
    return np.where(chosen, np.maximum(w - x, 0), w)


def is_large_supplier(
    before: ArrayLike, after: ArrayLike, world_before: ArrayLike, world_after: ArrayLike, *, share_min: float = 0.1
) -> NDArray[np.bool_]:
    """Markets of which the country supplies more than ``share_min`` in either window (``cms_own_share_min``)."""
    x0, x1, w0, w1 = _flows(before, after, world_before, world_after)
    return (divide(x0, w0) > share_min) | (divide(x1, w1) > share_min)


def _flows(*values: ArrayLike) -> list[Floats]:
    return [np.asarray(v, float) for v in np.broadcast_arrays(*(np.asarray(v, float) for v in values))]


def _levels(world: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Imports in all, of each product, of each market and of each cell, with all axes kept."""
    of_product = world.sum(axis=-1, keepdims=True)
    return of_product.sum(axis=-2, keepdims=True), of_product, world.sum(axis=-2, keepdims=True), world


def _growths(before: Floats, after: Floats, *, midpoint: bool) -> list[Floats]:
    """Growth of all imports, of each product, of each market and of each cell.

    Where nobody imports in either window there is no growth to speak of, and the wider one stands in: nothing is known
    of such a market that could tell it from the product's others.
    """
    found: list[Floats] = []
    for place, (then, now) in enumerate(zip(_levels(before), _levels(after), strict=True)):
        growth = divide(now - then, (now + then) / 2 if midpoint else then)
        wider = found[(0, 0, 0, 1)[place]] if place else np.full_like(growth, np.nan)
        found.append(np.where((then == 0) & (now == 0), wider, growth))
    return found


def _split(x0: Floats, x1: Floats, weight: Floats, growths: list[Floats], order: str) -> GrowthParts:
    if order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}, not {order!r}")
    g, g_k, g_j, g_kj = growths
    first = {"product_first": 1.0, "market_first": 0.0, "mean": 0.5}[order]

    def added(growth: Floats) -> Floats:
        # A cell without exports adds nothing, whether or not its market has a growth.
        return np.where(weight == 0, 0, growth * weight)

    def total(cells: Floats) -> Floats:
        return cells.sum(axis=(-2, -1))

    change = x1 - x0
    rest = change - added(g_kj)
    unknown = np.isnan(rest)
    by_product, product_in_market = added(g_k - g), added(g_kj - g_j)
    by_market, market_of_product = added(g_j - g), added(g_kj - g_k)
    return GrowthParts(
        change=total(change),
        world=total(added(np.broadcast_to(g, weight.shape))),
        composition=total(first * by_product + (1 - first) * product_in_market),
        market=total(first * market_of_product + (1 - first) * by_market),
        residual=total(rest),
        continuing=total(np.where(unknown | ((x0 > 0) & (x1 > 0)), rest, 0)),
        entry=total(np.where(unknown | ((x0 == 0) & (x1 > 0)), rest, 0)),
        exit=total(np.where(unknown | ((x0 > 0) & (x1 == 0)), rest, 0)),
    )
