"""Concentration of shares over markets or products."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def hhi(values: ArrayLike) -> float:
    """Herfindahl index, sum of squared shares; nan when all values are zero (methodology 1.8)."""
    x = np.asarray(values, dtype=np.float64)
    total = x.sum()
    return float(np.square(x / total).sum()) if total > 0 else float("nan")


def hhi_norm(values: ArrayLike, n: int | None = None) -> float:
    """Normalised Herfindahl index, (HHI - 1/n) / (1 - 1/n): 0 for equal shares, 1 for a single one.

    Args:
        n: number of possible markets or products; by default the number of values. Keep it fixed over time, a
            changing n looks like diversification.
    """
    size = n if n is not None else int(np.size(np.asarray(values)))
    return (hhi(values) - 1 / size) / (1 - 1 / size)
