"""Who trades with whom more than size would have it: complementarity, intensity, introversion (method 1.10).

For regions: T_RR is trade within the region, T_R all trade of the region, T_W all trade of the world; trade is exports
plus imports, so a flow between two members is counted by both. Dollars of one year; floats or arrays of one shape; nan
where a ratio has no denominator. The plain index grows by itself as a region's share of the world shrinks; only the
symmetric one is comparable over time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, floats


def tci(exports: ArrayLike, imports: ArrayLike) -> float:
    """Complementarity, 100 (1 - sum |m_k / M - x_k / X| / 2): 0 nothing in common, 100 the same goods (Michaely 1996).

    Args:
        exports, imports: per product, of one country and of its partner; dollars or shares. nan where a total is 0.
    """
    x, m = floats(exports, imports)
    return float(100 * (1 - 0.5 * np.abs(divide(m, m.sum()) - divide(x, x.sum())).sum()))


def tii(flow: ArrayLike, exports: ArrayLike, world_to_partner: ArrayLike, world: ArrayLike) -> Floats:
    """Intensity, (x_cj / X_c) / (X_wj / X_w), neutral 1 (Anderson and Norheim 1993). Dollars of one year."""
    x, of_country, to_partner, total = floats(flow, exports, world_to_partner, world)
    return divide(divide(x, of_country), divide(to_partner, total))


def tii_of_others(flow: ArrayLike, exports: ArrayLike, world_to_partner: ArrayLike, world: ArrayLike) -> Floats:
    """Intensity against the world without the country itself, which a large exporter would else be compared with."""
    x, of_country, to_partner, total = floats(flow, exports, world_to_partner, world)
    return divide(divide(x, of_country), divide(to_partner - x, total - of_country))


def itii(within: ArrayLike, region: ArrayLike, world: ArrayLike) -> Floats:
    """Intra-regional trade intensity, (T_RR / T_R) / (T_R / T_W), neutral 1 (1.10)."""
    rr, r, w = floats(within, region, world)
    return divide(divide(rr, r), divide(r, w))


def hi(within: ArrayLike, region: ArrayLike, world: ArrayLike) -> Floats:
    """Homogeneous intensity, (T_RR / T_R) / (T_OR / T_O) with outsiders' trade T_OR = T_R - T_RR, T_O = T_W - T_R.

    Neutral 1 (Iapadre 2006; 1.10).
    """
    rr, r, w = floats(within, region, world)
    return divide(divide(rr, r), divide(r - rr, w - r))


def he(within: ArrayLike, region: ArrayLike, world: ArrayLike) -> Floats:
    """Complement of the homogeneous intensity, (1 - T_RR / T_R) / (1 - T_OR / T_O), neutral 1 (1.10)."""
    rr, r, w = floats(within, region, world)
    return divide(1 - divide(rr, r), 1 - divide(r - rr, w - r))


def sti(within: ArrayLike, region: ArrayLike, world: ArrayLike) -> Floats:
    """Symmetric trade introversion, (HI - HE) / (HI + HE), from -1 to 1, neutral 0 (1.10)."""
    inward, outward = hi(within, region, world), he(within, region, world)
    return divide(inward - outward, inward + outward)
