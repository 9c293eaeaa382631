"""Distance between economies as their people see it: weighted over the main cities of both (Mayer and Zignago 2011).

The formula is that of CEPII GeoDist. Distances within one economy are not made here: no measure of this package asks
how far a country is from itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.cif import great_circle_km
from agrocluster.measures.safe import Floats


def weighted_distances_km(
    economy: ArrayLike, latitude: ArrayLike, longitude: ArrayLike, population: ArrayLike, *, theta: float
) -> tuple[NDArray[np.str_], Floats]:
    """(sum_ab w_a w_b d_ab^theta)^(1/theta) between every two economies, w the population shares of their cities.

    Args:
        economy, latitude, longitude, population: one entry per city; degrees and persons (only shares count).
        theta: -1 gives the harmonic mean, in which near cities count most, as trade has it (GeoDist ``distwces``);
            1 gives the arithmetic mean (``distw``).

    Returns:
        The economies in order, and economies by economies in kilometres; nan on the diagonal. Two economies with a
        city in the same spot have the distance 0 where theta is negative.
    """
    owner = np.asarray(economy, dtype=np.str_)
    order = np.argsort(owner, kind="stable")
    lat, lon, people = (np.asarray(v, dtype=np.float64)[order] for v in (latitude, longitude, population))
    names, first = np.unique(owner[order], return_index=True)
    ends = np.append(first[1:], len(owner))
    share = people / np.repeat(np.add.reduceat(people, first), ends - first)
    distance = np.full((len(names), len(names)), np.nan)
    for i, (start, end) in enumerate(zip(first[:-1], ends[:-1], strict=True)):
        km = great_circle_km(lat[start:end, None], lon[start:end, None], lat[None, end:], lon[None, end:])
        with np.errstate(divide="ignore"):
            powered = (share[start:end, None] * km**theta).sum(axis=0) * share[end:]
            distance[i, i + 1 :] = np.add.reduceat(powered, first[i + 1 :] - end) ** (1 / theta)
        distance[i + 1 :, i] = distance[i, i + 1 :]
    return names, distance
