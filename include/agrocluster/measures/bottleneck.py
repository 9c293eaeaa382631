"""Where a chain is tightest: five stage scores from 0 to 100 and the one that is clearly lowest (method 6).

It scores nothing itself: norms come in as points between 0 and 100, made with the goalposts of the index. Keep the
vector beside the label; a label alone hides how near the next stage is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, floats

STAGES = ("input", "primary", "processed", "final", "market")
"""Order of the vector's last axis."""


def mean_of_known(*parts: ArrayLike) -> Floats:
    """Mean over the parts that are known; nan where none is."""
    stacked = np.stack(floats(*parts))
    known = ~np.isnan(stacked)
    n = known.sum(axis=0)
    total = np.where(known, stacked, 0).sum(axis=0)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def bottleneck_vector(
    *,
    input_dependence: ArrayLike,
    plq: ArrayLike,
    yield_gap: ArrayLike,
    rsca_processed: ArrayLike,
    dpr: ArrayLike,
    rsca_final: ArrayLike,
    ui: ArrayLike,
    realised: ArrayLike,
    hhi_dest: ArrayLike,
) -> Floats:
    """Scores of the five stages on a new last axis, in the order of ``STAGES``; nan where nothing is known.

    ``input_dependence``, ``plq`` and both ``rsca`` are norms in points (0 to 100); ``yield_gap``, ``dpr``, ``ui``,
    ``realised`` and ``hhi_dest`` (normalised) are shares (0 to 1). A stage is the mean of what is known of it.
    """
    gap, degree, upgrade, share, hhi = floats(yield_gap, dpr, ui, realised, hhi_dest)
    stages = (
        100 - np.asarray(input_dependence, dtype=np.float64),
        mean_of_known(plq, 100 * (1 - gap)),
        mean_of_known(rsca_processed, 100 * np.minimum(degree, 1)),
        mean_of_known(rsca_final, 100 * upgrade),
        mean_of_known(100 * share, 100 * (1 - hhi)),
    )
    return np.stack(floats(*stages), axis=-1)


def bottleneck(vector: ArrayLike, margin: float) -> tuple[np.ndarray, Floats]:
    """Position of the tightest stage in ``STAGES`` and its distance to the next.

    The position is -1 where the distance is below ``margin`` points or fewer than two stages are known; the distance
    is nan in the latter case.
    """
    scores = np.asarray(vector, dtype=np.float64)
    known = np.where(np.isnan(scores), np.inf, scores)
    lowest, second = np.moveaxis(np.partition(known, 1, axis=-1)[..., :2], -1, 0)
    clear = np.isfinite(second)
    distance = np.subtract(second, lowest, out=np.full(np.shape(second), np.nan), where=clear)
    return np.where(clear & (distance >= margin), known.argmin(axis=-1), -1), distance
