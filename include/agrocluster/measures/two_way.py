"""Two-way trade of a country in the same goods (Grubel and Lloyd 1975; method 1.6).

Exports and imports are dollars of one year or window, products along the last axis. In a border hub a high value says
re-export before it says two-way trade; ``agrocluster.measures.reexport`` tells the one from the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agrocluster.measures.safe import Floats, divide, floats, known_sum


def grubel_lloyd(exports: ArrayLike, imports: ArrayLike) -> Floats:
    """Two-way trade, 1 - |x - m| / (x + m), from 0 to 1; nan where nothing is traded (1.6)."""
    x, m = floats(exports, imports)
    return 1 - divide(np.abs(x - m), x + m)


def grubel_lloyd_total(exports: ArrayLike, imports: ArrayLike) -> Floats:
    """Two-way trade over all products, 1 - sum |x - m| / sum (x + m): the mean of cells weighted by trade (1.6).

    Products of which a side is unknown are left out of both sums.
    """
    x, m = floats(exports, imports)
    return 1 - divide(known_sum(np.abs(x - m), axis=-1), known_sum(x + m, axis=-1))


def grubel_lloyd_adjusted(exports: ArrayLike, imports: ArrayLike) -> Floats:
    """The same free of the overall imbalance: (sum (x + m) - sum |x - m|) / (sum (x + m) - |sum x - sum m|) (1.6).

    From 0 to 1. nan where nothing is traded or all trade goes one way: there is nothing two-way trade could be of.
    Grubel and Lloyd's own correction; the overall imbalance is taken to fall on all products alike (Aquino 1978).
    """
    x, m = floats(exports, imports)
    trade, imbalance = known_sum(x + m, axis=-1), np.abs(known_sum(x - m, axis=-1))
    return divide(trade - known_sum(np.abs(x - m), axis=-1), trade - imbalance)
