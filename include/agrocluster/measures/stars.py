"""Stars of the European Cluster Observatory for farm chains, what the next one lacks, and types of places (5.2, 5.6).

A star says that a chain is large, specialised or important in a place; productivity is a star apart. Places (regions,
or countries of a pool) lie along the first axis, chains along the others. A star is 1 or 0, or nan where what decides
it is unknown; what is known to fall short of one condition has no star, whatever the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, choose, divide, floats, known_sum

NAMES = ("size", "spec", "focus")
"""The stars that are counted; productivity is reported beside them."""
TYPES = ("core", "specialised_small", "big_diluted", "emerging", "none")
"""Names ``typology`` returns."""


@dataclass(frozen=True)
class Thresholds:
    """What earns a star (5.2); defaults are the parameters ``star_*``.

    Attributes:
        top: share of places that are at the top in size and focus.
        size_min: least share in all activity of the chain; focus_min: least share of the chain in the place.
        lq_min: least quotient; bound_min: what the lower bound of the quotient must exceed.
    """

    top: float = 0.1
    size_min: float = 0.01
    focus_min: float = 0.05
    lq_min: float = 2.0
    bound_min: float = 1.0


@dataclass(frozen=True)
class Stars:
    """Stars of places by chains.

    Attributes:
        size, spec, focus: 1, 0 or nan; count: their sum, 0 to 3, nan where one is unknown.
        missing_size: activity a place lacks for the star of size, 0 with it; missing_lq, missing_focus: quotient and
            share it lacks for the others.
        nearest: name of the star to be had next, by relative distance; None with all of them or where unknown.
        distance: that distance, required over present less 1: 0.25 says a quarter more is needed.
    """

    size: Floats
    spec: Floats
    focus: Floats
    count: Floats
    missing_size: Floats
    missing_lq: Floats
    missing_focus: Floats
    nearest: NDArray[np.object_]
    distance: Floats


def stars(
    activity: ArrayLike, quotient: ArrayLike, lower: ArrayLike, share: ArrayLike, given: Thresholds | None = None
) -> Stars:
    """Stars, and how far the next one is (5.2).

    Args:
        activity: of places by chains; quotient: LQ against the own country (or whole).
        lower: lower bound of LQ (of 90 %), see ``location``; share: of the chain in all activity of the place.
        given: thresholds, by default those of the parameters.

    Size: among the top tenth of places, ties included, and at least a hundredth of all activity. Specialisation: LQ of
    2 and a lower bound above 1. Focus: among the top tenth by share, and at least a twentieth.
    """
    limits = given or Thresholds()
    e, quotients, bound, own_share = floats(activity, quotient, lower, share)
    pooled = known_sum(e, axis=0)
    # What a place adds is also added to the whole, of which it must then hold its least share.
    for_least_share = (limits.size_min * pooled - e) / (1 - limits.size_min)
    missing_size = np.maximum(np.maximum(_top_value(e, limits.top) - e, for_least_share), 0)
    size = _star(missing_size <= 0, missing_size, e)

    # The bound moves in step with the quotient.
    for_bound = divide(quotients * limits.bound_min, bound) - quotients
    short = np.maximum(limits.lq_min - quotients, 0)
    missing_lq = np.where(short > 0, np.fmax(short, for_bound), np.maximum(for_bound, 0))
    enough = (quotients >= limits.lq_min) & (bound > limits.bound_min)
    spec = np.where(short > 0, 0, np.where(np.isnan(missing_lq), np.nan, enough))

    least_focus = np.maximum(_top_value(own_share, limits.top), limits.focus_min)
    missing_focus = np.maximum(least_focus - own_share, 0)
    focus = _star(missing_focus <= 0, missing_focus, own_share)

    lacking = np.stack(
        [
            np.where(star == 0, divide(missing, present), np.nan)
            for star, missing, present in (
                (size, missing_size, e),
                (spec, missing_lq, quotients),
                (focus, missing_focus, own_share),
            )
        ]
    )
    distance = np.fmin.reduce(lacking, axis=0)
    nearest = choose([lack == distance for lack in lacking], NAMES)
    count = size + spec + focus
    return Stars(size, spec, focus, count, missing_size, missing_lq, missing_focus, nearest, distance)


def productivity_star(productivity: ArrayLike, *, top: float = 0.2) -> Floats:
    """1 for places in the top fifth by yield or output per animal or worker, ties included, else 0; nan where unknown.

    Args:
        top: share of the places whose productivity is known (``star_top_productivity``).
    """
    x = np.asarray(productivity, dtype=np.float64)
    return np.where(np.isnan(x), np.nan, (x >= _top_value(x, top)) & (x > 0))


def typology(
    earned: Stars, quotient: ArrayLike, change: ArrayLike, *, rise_min: float = 0.1, lq_min: float = 1.0
) -> NDArray[np.object_]:
    """Type of every place and chain, one of ``TYPES`` (5.6).

    Args:
        earned: stars; quotient: LQ; change: of LQ, a year.
        rise_min, lq_min: what an emerging place exceeds and has at least (``typology_rise_min``, ``typology_lq_min``).

    Core: two stars or more. Specialised small: that star only. Big diluted: that of size only. Emerging: LQ of 1 rising
    by more than 0.1 a year. None of these: ``none``. None (null) where what is unknown would decide.
    """
    lq, rise = floats(quotient, change)
    known = np.nan_to_num(np.stack([earned.size, earned.spec, earned.focus])).sum(axis=0)
    small = (earned.spec == 1) & (earned.count == 1)
    big = (earned.size == 1) & (earned.count == 1)
    rising = (rise > rise_min) & (lq >= lq_min)
    not_rising = (rise <= rise_min) | (lq < lq_min)
    rest = earned.count <= 1
    return choose([known >= 2, small, big, rest & rising, rest & not_rising], TYPES)


def _star(enough: NDArray[np.bool_], missing: Floats, present: Floats) -> Floats:
    """1, 0 or nan; what is not there at all has no star, even where nobody has more."""
    return np.where(present == 0, 0, np.where(np.isnan(missing), np.nan, enough))


def _top_value(values: Floats, share: float) -> Floats:
    """The value from which on a place is in the top ``share`` of those known; their number is rounded up.

    Per chain; nan where no place is known or the top has nothing.
    """
    ranked = -np.sort(-values, axis=0)
    known = (~np.isnan(values)).sum(axis=0, keepdims=True)
    # Less than rounding, so that a tenth of thirty is three.
    place = np.maximum(np.ceil(share * known - 1e-9).astype(np.int64) - 1, 0)
    found = np.take_along_axis(ranked, place, axis=0)[0]
    return np.where(found > 0, found, np.nan)
