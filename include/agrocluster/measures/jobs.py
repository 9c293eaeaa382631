"""Jobs behind the output of a chain, and a band of jobs for its untapped export potential (method 8).

A rough translation of dollars into people, for a sense of scale. It knows nothing of productivity, of seasons, nor of
jobs in processing, and no rank or score may rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, floats


@dataclass(frozen=True)
class Jobs:
    """One number per chain, nan where an input is unknown. ``per_usd_m``, ``per_usd_m_low``, ``per_usd_m_high`` in
    jobs per million dollars of output; ``low`` and ``high`` in jobs, for what is untapped."""

    per_usd_m: Floats
    per_usd_m_low: Floats
    per_usd_m_high: Floats
    low: Floats
    high: Floats


def jobs_band(
    employment: ArrayLike,
    output_share: ArrayLike,
    output_usd: ArrayLike,
    factors: tuple[ArrayLike, ArrayLike, ArrayLike],
    mean_factor: ArrayLike,
    untapped_usd: ArrayLike,
) -> Jobs:
    """Jobs per million dollars, ``E (GPV_h / GPV) f / GPV_h``, and the band of jobs for ``untapped_usd``.

    With factors other than 1 the formula hands out more (or fewer) jobs over all chains than farming has. The band
    therefore spans two readings: the formula as it stands, and factors divided by ``mean_factor``, with which the
    chains add up to ``employment``; one with the lower, the other with the upper factor.

    Args:
        employment: persons employed in agriculture.
        output_share: share of the chain in the gross production value of agriculture, 0 to 1.
        output_usd: gross production value of the chain, US dollars a year; zero makes the answer unknown.
        factors: labour intensity of the chain, lower, usual and upper; 1 is the labour of extensive crops.
        mean_factor: mean of the usual factor over the country's agriculture, weighted by value.
        untapped_usd: what the jobs are counted for, US dollars a year.
    """
    people, share, value, mean, untapped = floats(employment, output_share, output_usd, mean_factor, untapped_usd)
    low, usual, high = floats(*factors)
    per_factor = divide(people * share, value / 1e6)
    per_low, per_high = per_factor * low / np.maximum(1, mean), per_factor * high / np.minimum(1, mean)
    return Jobs(
        per_usd_m=per_factor * usual,
        per_usd_m_low=per_low,
        per_usd_m_high=per_high,
        low=per_low * untapped / 1e6,
        high=per_high * untapped / 1e6,
    )


def mean_factor(output_share: ArrayLike, factor: ArrayLike) -> Floats:
    """Mean factor of agriculture: chains by their share, last axis; what is outside of them or unknown counts as 1."""
    share, usual = floats(output_share, factor)
    return 1 + np.where(np.isnan(share), 0, share * (usual - 1)).sum(axis=-1)
