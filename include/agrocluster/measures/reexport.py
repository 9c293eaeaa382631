"""Goods that pass through: the signature of transit, and exports that leave it out (method 1.6, 2.6).

A signature is a suspicion drawn from trade figures; the balance of quantities (2.6, equation 2) is the business of
the supply measures. Unknown inputs give no suspicion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, divide, floats


def domestic_exports(exports: ArrayLike, reexports: ArrayLike) -> Floats:
    """Exports less reported re-exports, x - rx, not below 0; nan where none are reported (2.6, equation 1)."""
    x, rx = floats(exports, reexports)
    return np.maximum(x - rx, 0)


def transit_signature(
    gl: ArrayLike,
    unit_value_ratio: ArrayLike,
    home_share: ArrayLike,
    *,
    home_counts: ArrayLike = True,
    gl_min: float = 0.7,
    ratio_low: float = 0.9,
    ratio_high: float = 1.1,
    home_share_max: float = 0.1,
) -> NDArray[np.bool_]:
    """Whether a good looks as if it only passed through (2.6, equation 3).

    Args:
        gl: two-way trade of country and product.
        unit_value_ratio: unit value of exports over that of imports; the reference price cancels out.
        home_share: production at home over exports, both in weight.
        home_counts: False for goods whose output is not measured by farm statistics; the other two signs decide there.

    True where gl is above ``gl_min``, the ratio lies within its bounds and production is below ``home_share_max``.
    """
    g, ratio, home = floats(gl, unit_value_ratio, home_share)
    not_from_home = ~np.asarray(home_counts, dtype=bool) | (home < home_share_max)
    return (g > gl_min) & (ratio >= ratio_low) & (ratio <= ratio_high) & not_from_home


def conservative_exports(
    exports: ArrayLike, country_exports: ArrayLike, country_imports: ArrayLike, transit: ArrayLike
) -> Floats:
    """x min(1, X / M) where the signature holds, x elsewhere; dollars (2.6, equation 4).

    Args:
        exports: of a flow; country_exports, country_imports: X and M of the same country and product, all partners.
        transit: where the signature holds.
    """
    x, of_country, into_country = floats(exports, country_exports, country_imports)
    damped = x * np.fmin(1, divide(of_country, into_country))
    return np.where(np.asarray(transit, dtype=bool), damped, x)
