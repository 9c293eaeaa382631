"""Two reports of one flow: how far they lie apart, and one value that keeps both (method 2.2, 2.5).

A flow is reported by its exporter (x, FOB) and by its importer (m~, freed of freight, see ``cif``). nan says that a
side is unknown, 0 that a reporter who filed has no such trade (method 0.4); the two are never confused and a
null never becomes a zero. Nothing here estimates how good a reporter is, see ``reporting_quality``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, divide, floats, ln


def fob_equivalent(m_cif: ArrayLike, tau: ArrayLike) -> Floats:
    """The importer's value freed of freight, m~ = m_cif / (1 + tau); dollars, same shape, nan where unknown (2.2)."""
    m, t = floats(m_cif, tau)
    return m / (1 + t)


def lgap(x: ArrayLike, m_fob: ArrayLike) -> Floats:
    """ln(m~ / x): above zero the partner sees more than the exporter; nan unless both are positive (2.2)."""
    return ln(divide(m_fob, x))


def sgap(x: ArrayLike, m_fob: ArrayLike) -> Floats:
    """(m~ - x) / ((m~ + x) / 2), from -2 to 2; -2 or 2 where one side is 0, nan where unknown or both are 0 (2.2)."""
    a, b = floats(x, m_fob)
    return divide(b - a, (b + a) / 2)


def agap(x: ArrayLike, m_fob: ArrayLike) -> float:
    """sum |m~ - x| / sum (m~ + x) over cells with both sides, from 0 to 1; nan where there are none (2.2).

    Mirror agreement is 1 minus this.
    """
    a, b = floats(x, m_fob)
    known = ~np.isnan(a) & ~np.isnan(b)
    return float(divide(np.abs(b[known] - a[known]).sum(), (a[known] + b[known]).sum()))


def orphan_share(x: ArrayLike, m_fob: ArrayLike) -> float:
    """Value that only one side sees over all value, from 0 to 1; a cell that both see counts with its mean (2.2).

    Not seen is unknown or zero alike. nan where nothing is seen.
    """
    a, b = (np.nan_to_num(side) for side in floats(x, m_fob))
    both = (a > 0) & (b > 0)
    seen = np.where(both, (a + b) / 2, a + b)
    return float(divide(seen[~both].sum(), seen.sum()))


@dataclass(frozen=True)
class Reconciled:
    """One value per flow beside the two it came from; all arrays have the shape of the input.

    Attributes:
        value: dollars FOB; nan where both sides are unknown.
        sigma_ln: standard deviation of its logarithm; nan where the value is nan.
        n_sides: number of sides that hold a figure, a filed zero included: 0, 1 or 2.
        weight_x: weight of the exporter's side; nan unless both sides hold a figure.
        one_sided: True where one side filed zero and the other a positive value.
    """

    value: Floats
    sigma_ln: Floats
    n_sides: NDArray[np.int16]
    weight_x: Floats
    one_sided: NDArray[np.bool_]


def reconcile(
    x: ArrayLike,
    m_fob: ArrayLike,
    sigma_x: ArrayLike,
    sigma_m: ArrayLike,
    *,
    one_sided_min: float = 50_000.0,
    single_side_factor: float = 1.5,
    geometric: bool = True,
) -> Reconciled:
    """The weighted mean of both sides, w = sigma_X^-2 / (sigma_X^-2 + sigma_M^-2) (2.5).

    Args:
        x, m_fob: dollars per flow; 0 is a filed zero, nan an unknown side.
        sigma_x, sigma_m: standard deviations of ln value of the two reporters, positive.
        one_sided_min: dollars from which a value against a filed zero is believed in part.
        single_side_factor: how much less certain a flow is that only one side can tell about.
        geometric: ln v = w ln x + (1 - w) ln m~; False gives v = w x + (1 - w) m~ instead.

    Both sides positive: sigma = max(sqrt(1 / (sigma_X^-2 + sigma_M^-2)), |lgap| / 2). One side unknown: the other
    side's value with its sigma times the factor. One side zero: the weighted arithmetic mean (w x or (1 - w) m~) if
    the positive value is above ``one_sided_min``, else 0; the logarithmic gap is infinite there, so |sgap| / 2 = 1
    stands in for it. Both unknown: nan.
    """
    a, b, sx, sm = floats(x, m_fob, sigma_x, sigma_m)
    precision_x, precision_m = sx**-2, sm**-2
    w = precision_x / (precision_x + precision_m)
    known_a, known_b = ~np.isnan(a), ~np.isnan(b)
    both = known_a & known_b
    positive = both & (a > 0) & (b > 0)
    one_sided = both & ((a > 0) != (b > 0))

    mean = w * a + (1 - w) * b
    if geometric:
        mean = np.where(positive, np.exp(w * ln(a) + (1 - w) * ln(b)), mean)
    # Rounding must not carry a mean outside of what it is a mean of.
    mean = np.clip(mean, np.fmin(a, b), np.fmax(a, b))
    believed = np.where(one_sided & ~(np.fmax(a, b) > one_sided_min), 0.0, mean)
    value = np.where(both, believed, np.where(known_a, a, b))

    apart = np.where(positive, np.abs(lgap(a, b)), np.where(one_sided, np.abs(sgap(a, b)), 0.0))
    pooled = np.fmax(np.sqrt(1 / (precision_x + precision_m)), 0.5 * apart)
    single = single_side_factor * np.where(known_a, sx, sm)
    sigma = np.where(both, pooled, np.where(known_a | known_b, single, np.nan))
    sides = known_a.astype(np.int16) + known_b.astype(np.int16)
    return Reconciled(value, sigma, sides, np.where(both, w, np.nan), one_sided)
