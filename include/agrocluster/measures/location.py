"""Location quotients: where a chain weighs more than elsewhere, and how sure that is (method 5.1, 5.4).

A place is a region of a country, or a country of the world or of a pool of countries; the whole is what its places are
compared with. Activity (workers, output, area, herd) is in one unit for all places of a chain; quotients of different
measures are not ranked together. Places lie along the first axis, chains along the others. Unknown is nan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, choose, divide, floats, known_sum, ln

TOO_FEW, NO_SPREAD = "too_few_places", "no_spread"
"""Reasons why there is nothing to standardise."""


def lq(own: ArrayLike, place: ArrayLike, chain: ArrayLike, whole: ArrayLike) -> Floats:
    """Location quotient, (e_rh / e_r) / (e_h / e), neutral 1 (5.1).

    Args:
        own: activity e_rh of the chain in the place; place: e_r of the place in all chains; chain: e_h of the chain in
            the whole; whole: e. Any shapes that broadcast.

    With gross production values of a country and the world it is the production quotient PLQ. The mean over places of
    one chain with weights e_r / e is 1. nan where the place or the chain has no activity.
    """
    a, b, c, d = floats(own, place, chain, whole)
    return divide(divide(a, b), divide(c, d))


def lq_of(activity: ArrayLike) -> Floats:
    """Location quotients of a matrix of places by chains that is the whole; unknown cells are left out of the sums."""
    e = np.asarray(activity, dtype=np.float64)
    return lq(e, known_sum(e, axis=1, keepdims=True), known_sum(e, axis=0, keepdims=True), known_sum(e))


def lq_interval(
    own: ArrayLike, place: ArrayLike, chain: ArrayLike, whole: ArrayLike, *, z: float = 1.96
) -> tuple[Floats, Floats]:
    """Bounds of a quotient of counts, LQ exp(-+ z sd), by the delta method (5.4; Moineddin, Beyene and Boyle 2003).

    Args:
        own, place, chain, whole: numbers of workers or firms, as in ``lq``. Output and tonnes are no counts; for them
            ``resampled_interval``.
        z: 1.96 for 95 % (``lq_interval_z``), 1.645 for 90 % (``lq_bound_z``).

    var ln LQ = (1 - p_r) / (n_r p_r) + (1 - p) / (n p) with p_r, p the chain's share in the place and in the whole; a
    little too wide, as the place is part of the whole. nan where the chain has nobody in the place.
    """
    a, b, c, d = floats(own, place, chain, whole)
    deviation = np.sqrt(divide(1 - divide(a, b), a) + divide(1 - divide(c, d), c))
    quotient = lq(a, b, c, d)
    return quotient * np.exp(-z * deviation), quotient * np.exp(z * deviation)


def resampled_interval(
    own: ArrayLike,
    place: ArrayLike,
    chain: ArrayLike,
    whole: ArrayLike,
    *,
    sigma: ArrayLike = 0.0,
    draws: int = 2000,
    level: float = 0.9,
    seed: int,
) -> tuple[Floats, Floats, Floats]:
    """Lower bound, median and upper bound of a quotient of output, by resampling the years of the window (5.4).

    Args:
        own, place, chain, whole: as in ``lq``, with the years of the window along a first axis before all others; each
            broadcasts against ``own``.
        sigma: standard deviation of ln of the own activity as reported, per cell (9.7); 0 for years alone.
        draws: resamples (``resampling_draws``); level: probability between the bounds (``lq_level``).
        seed: of the random numbers; the same seed gives the same bounds.

    A draw takes as many years as there are, with repeats, the same for all places and chains, so that a dry year is dry
    everywhere; sums over the drawn years are divided once (0.3). nan where a cell is unknown in any year.
    """
    parts = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (own, place, chain, whole)))
    years, cells = parts[0].shape[0], parts[0].shape[1:]
    random = np.random.default_rng(seed)
    every = random.multinomial(years, np.full(years, 1 / years), size=draws)
    # A few years can be drawn in a few ways only: their quotients are taken once.
    ways, which = np.unique(every, axis=0, return_inverse=True)
    # Written as a sum over the few years and not as a matrix product, whose order depends on the machine.
    sums = [sum(ways[:, y, None] * part.reshape(years, -1)[y] for y in range(years)) for part in parts]
    quotients = lq(*sums)
    spread = np.broadcast_to(np.asarray(sigma, dtype=np.float64), cells).reshape(-1)
    values = quotients[which.reshape(-1)] * np.exp(spread * random.standard_normal((draws, spread.size)))
    # Draws of a cell side by side: quantiles of strided memory take six times as long.
    bounds = np.quantile(np.ascontiguousarray(values.T), [(1 - level) / 2, 0.5, (1 + level) / 2], axis=1)
    bounds = bounds.reshape(3, *cells)
    return bounds[0], bounds[1], bounds[2]


@dataclass(frozen=True)
class Standardised:
    """Quotients in standard deviations over places, and per chain why there are none.

    Attributes:
        values: z of every place and chain; reason: ``too_few_places``, ``no_spread`` or None, per chain.
    """

    values: Floats
    reason: NDArray[np.object_]


def standardised(quotients: ArrayLike, *, min_places: int = 10, logarithm: bool = False) -> Standardised:
    """Standardised quotient, (LQ - mean) / sd over places with the sample deviation (O'Donoghue and Gleave 2004; 5.4).

    Args:
        quotients: places by chains (or places alone).
        min_places: fewer known places give nan and a reason (``slq_min_places``). The largest z of n places is
            (n - 1) / sqrt(n): of five regions none can ever reach 1.96, so pool the countries.
        logarithm: standardise ln LQ; a quotient of zero has none and is left out.

    Cut at 1.96 (``slq_cut``), or 1.65 one-sided.
    """
    x = ln(quotients) if logarithm else np.asarray(quotients, dtype=np.float64)
    count = (~np.isnan(x)).sum(axis=0)
    mean = divide(known_sum(x, axis=0), count)
    deviation = np.sqrt(divide(known_sum((x - mean) ** 2, axis=0), count - 1))
    # Equal quotients differ in their last bits only.
    few, flat = np.asarray(count < min_places), np.asarray(deviation <= 1e-12 * np.maximum(np.abs(mean), 1))
    values = np.where(few | flat, np.nan, divide(x - mean, deviation))
    return Standardised(values, choose([few, flat], [TOO_FEW, NO_SPREAD]))


def bootstrap_cutoff(
    standardised_quotients: ArrayLike, *, draws: int = 5000, quantile: float = 0.95, min_places: int = 10, seed: int
) -> Floats:
    """Value above which a standardised quotient stands out, without assuming a distribution (Tian 2013; 5.4).

    Args:
        standardised_quotients: places by chains (or places alone), nan where unknown.
        draws: resamples of all places with replacement (``slq_bootstrap_draws``).
        quantile: taken of each resample (``slq_bootstrap_quantile``); their mean is the cut-off.
        min_places: fewer known places give nan; seed: of the random numbers, the same for every chain, so that a chain
            has the same cut-off whichever others are asked for.

    Returns:
        One value per chain.
    """
    x = np.asarray(standardised_quotients, dtype=np.float64)
    columns = x.reshape(x.shape[0], -1)
    cut = np.full(columns.shape[1], np.nan)
    ranks: dict[int, tuple[NDArray[np.int64], NDArray[np.int64], float]] = {}
    for n, column in enumerate(columns.T):
        known = np.sort(column[~np.isnan(column)])
        if known.size >= min_places:
            if known.size not in ranks:
                ranks[known.size] = _drawn_ranks(known.size, draws, quantile, seed)
            below, above, part = ranks[known.size]
            cut[n] = (known[below] + part * (known[above] - known[below])).mean()
    return cut.reshape(x.shape[1:])


def _drawn_ranks(
    size: int, draws: int, quantile: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Ranks of the two values between which the quantile of each resample lies, and how far up it is.

    Which ranks are drawn does not depend on the values: chains with as many known places share one resampling.
    """
    chosen = np.sort(np.random.default_rng(seed).integers(size, size=(draws, size)), axis=1)
    place = quantile * (size - 1)
    below = int(place)
    return chosen[:, below], chosen[:, min(below + 1, size - 1)], place - below
