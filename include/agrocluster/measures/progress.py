"""Whether a change is more than noise and world prices, and what it can be held against (method 9.9).

A change is compared with the smallest one that the uncertainty of both scores lets anybody see. Donor weights make a
synthetic control (Abadie, Diamond and Hainmueller 2010). Nothing here attributes a change to a cause.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from agrocluster.measures.blas import one_thread

Floats = NDArray[np.float64]

VERDICTS = ("improved", "declined", "no_detectable_change", "moved_with_world_prices", "not_comparable")
"""What ``verdict`` can say."""


def minimum_detectable_change(
    se_before: ArrayLike, se_after: ArrayLike, rho: ArrayLike = 0.0, z: float = 1.96
) -> Floats:
    """Smallest difference of two scores that is told from noise, z sqrt(s0^2 + s1^2 - 2 rho s0 s1).

    Args:
        se_before, se_after: standard errors of the two scores, in points.
        rho: correlation of the two over common draws; 0 for independent scores.
        z: quantile of the normal distribution, 1.96 for 95 percent two-sided.

    Returns points, in the broadcast shape; nan where an input is nan. Of equal and fully correlated scores it is 0.
    """
    s0, s1 = np.asarray(se_before, dtype=np.float64), np.asarray(se_after, dtype=np.float64)
    variance = s0**2 + s1**2 - 2 * np.asarray(rho, dtype=np.float64) * s0 * s1
    return z * np.sqrt(np.maximum(variance, 0.0))  # rounding can leave -1e-17


def verdict(
    change: ArrayLike, detectable: ArrayLike, price_part: ArrayLike, price_share_min: float = 0.5
) -> NDArray[np.str_]:
    """One of ``VERDICTS`` per change.

    Args:
        change: real change, in points.
        detectable: minimum detectable change, in points.
        price_part: part of the change that comes from world unit values; nan (unknown) counts as none.
        price_share_min: least share of the change, in its direction, from which on prices explain it.

    A change counts as the cell's own when it is beyond ``detectable`` with and without the part of prices. One that is
    beyond it only with that part has moved with world prices where the part is large enough, and is not told from
    noise otherwise. Where change or ``detectable`` is nan the scores are not comparable.
    """
    moved, limit = np.asarray(change, dtype=np.float64), np.asarray(detectable, dtype=np.float64)
    size = np.abs(moved)
    prices = np.sign(moved) * np.nan_to_num(np.asarray(price_part, dtype=np.float64))
    own = size - prices
    unknown = np.isnan(moved) | np.isnan(limit)
    hidden = (size <= limit) | ((own <= limit) & (prices < price_share_min * size))
    cases = [unknown, hidden, own <= limit, moved > 0]
    said = ["not_comparable", "no_detectable_change", "moved_with_world_prices", "improved"]
    return np.select(cases, said, default="declined").astype(np.str_)


@one_thread
def donor_weights(treated: ArrayLike, donors: ArrayLike, ridge: float = 1.0) -> Floats:
    """Convex weights of donors whose mean comes closest to the treated unit before the intervention.

    Minimises |treated - weights donors|^2 + ridge |weights|^2 with weights >= 0 and sum 1. The penalty makes the answer
    unique where many mixtures fit equally well, as more donors than indicators do.

    Args:
        treated: (k,) scores of the treated unit.
        donors: (n, k) scores of the donors.
        ridge: weight of the penalty, in squared points; above 0.

    Returns (n,) weights. ValueError for a value that is not finite, no donor, or ridge <= 0.
    """
    x, others = np.asarray(treated, dtype=np.float64), np.asarray(donors, dtype=np.float64)
    if others.ndim != 2 or not len(others) or others.shape[1:] != x.shape:
        raise ValueError(f"donors of shape {others.shape} do not fit a treated unit of shape {x.shape}")
    if not (np.isfinite(x).all() and np.isfinite(others).all()):
        raise ValueError("a score of the treated unit or a donor is not finite")
    if ridge <= 0:
        raise ValueError("ridge must be above 0")
    n = len(others)
    # Scaling w = s v with v on the simplex leaves min over s = v'Gv / (1 + v'Gv), which grows with v'Gv: least squares
    # with a last row of ones against 1 therefore finds the constrained optimum exactly, up to the scale s.
    gaps = np.vstack([(others - x).T, np.sqrt(ridge) * np.eye(n), np.ones((1, n))])
    wanted = np.zeros(len(gaps))
    wanted[-1] = 1.0
    found, _ = nnls(gaps, wanted)
    return np.asarray(found / found.sum(), dtype=np.float64)
