"""How concentrated a chain is over places beyond what the places are: one number per chain (method 5.5).

Activity of places lies along the first axis, chains along the others; the reference is what concentration is measured
against (all agriculture, area, or people), one value per place. Shares are taken inside. An unknown place makes its
chain nan: nothing can be said of the shares of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.concentration import hhi
from agrocluster.measures.safe import Floats, divide, floats


def raw_concentration(activity: ArrayLike, reference: ArrayLike) -> Floats:
    """G = sum (s_r - x_r)^2, from 0; s is the place's share of the chain, x its share of the reference (5.5)."""
    s, x = _shares(activity, reference)
    return np.square(s - x).sum(axis=0)


def krugman(activity: ArrayLike, reference: ArrayLike) -> Floats:
    """Krugman's index of specialisation, sum |s_r - x_r|, from 0 to 2 (5.5)."""
    s, x = _shares(activity, reference)
    return np.abs(s - x).sum(axis=0)


def hoover(activity: ArrayLike, reference: ArrayLike) -> Floats:
    """Hoover's balance, half of Krugman's index: the share of the chain that would have to move, 0 to 1 (5.5)."""
    return krugman(activity, reference) / 2


def locational_gini(activity: ArrayLike, reference: ArrayLike) -> Floats:
    """Gini of the location quotients, each place counting alike, from 0 to 1 - 1/n (5.5; as in the R package REAT)."""
    s, x = _shares(activity, reference)
    quotients = np.sort(divide(s, x), axis=0)
    n, mean = quotients.shape[0], quotients.mean(axis=0)
    rank = np.arange(1, n + 1).reshape(-1, *[1] * (quotients.ndim - 1))
    return divide(2 * (rank * (quotients - mean)).sum(axis=0), n**2 * mean)


def gamma(g: ArrayLike, reference: ArrayLike, herfindahl: ArrayLike = 0.0) -> Floats:
    """Ellison and Glaeser's gamma, [G - (1 - sum x^2) H] / [(1 - sum x^2) (1 - H)], neutral 0 (1997; 5.5).

    Args:
        g: raw concentration per chain; reference: one value per place.
        herfindahl: of plant sizes; of peasant farms it is next to 0. nan where it is 1: one plant is one place.
    """
    raw, h = floats(g, herfindahl)
    room = 1 - hhi(reference)
    return divide(raw - room * h, room * (1 - h))


@dataclass(frozen=True)
class EllisonGlaeser:
    """Concentration of one chain against plants thrown at a map, whose places are as large as the reference.

    Attributes:
        g: raw concentration; gamma: beyond that of plants; herfindahl: of plant sizes.
        expected: mean of g under chance; z: its distance from there in standard deviations, nan where chance has none.
    """

    g: float
    gamma: float
    herfindahl: float
    expected: float
    z: float


def ellison_glaeser(activity: ArrayLike, reference: ArrayLike, plants: ArrayLike) -> EllisonGlaeser:
    """Ellison and Glaeser's index of one chain with its significance, from a register of plants (5.5).

    Args:
        activity: of the chain per place; reference: per place; plants: sizes of all plants, in the unit of activity.

    The variance under chance is 2 [H^2 (S2 - 2 S3 + S2^2) - Z4 (S2 - 4 S3 + 3 S2^2)] with S2, S3 the sums of the powers
    of the reference shares and Z4 that of the fourth powers of plant shares (Ellison and Glaeser 1997).
    """
    x, z = (np.asarray(v, dtype=np.float64) for v in (reference, plants))
    g, h = float(raw_concentration(activity, x)), float(hhi(z))
    s2, s3 = (float(((x / x.sum()) ** power).sum()) for power in (2, 3))
    z4 = float(((z / z.sum()) ** 4).sum())
    variance = 2 * (h**2 * (s2 - 2 * s3 + s2**2) - z4 * (s2 - 4 * s3 + 3 * s2**2))
    expected = (1 - s2) * h
    # A single plant leaves a variance of rounding errors only.
    deviation = np.sqrt(variance) if variance > 1e-15 else np.nan
    return EllisonGlaeser(g, float(gamma(g, x, h)), h, expected, float((g - expected) / deviation))


def cluster_index(
    own: ArrayLike,
    chain: ArrayLike,
    area: ArrayLike,
    area_whole: ArrayLike,
    people: ArrayLike,
    people_whole: ArrayLike,
    firms: ArrayLike,
    firms_whole: ArrayLike,
) -> Floats:
    """Cluster index of Litzenberger and Sternberg (2006): density times activity per head over size of firms (5.5).

    Args:
        own, chain: activity of the chain in the place and in the whole; firms, firms_whole: those of the chain.
        area, people: of the place; area_whole, people_whole: of the whole.

    From 0, neutral 1, high where many small firms are close together. It has no scale: compare places of one chain
    only. nan where the chain has no firm in the place.
    """
    a, b, c, d, e, f, g, h = floats(own, chain, area, area_whole, people, people_whole, firms, firms_whole)
    share = divide(a, b)
    density, per_head = divide(share, divide(c, d)), divide(share, divide(e, f))
    return divide(density * per_head, divide(share, divide(g, h)))


def _shares(activity: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    e, x = np.asarray(activity, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    s = divide(e, e.sum(axis=0))
    return s, (x / x.sum()).reshape(-1, *[1] * (s.ndim - 1))
