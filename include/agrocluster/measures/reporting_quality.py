"""How far each country's reports lie from its partners': effects of exporters and importers (method 2.5).

|ln(m~ / x)| is explained by exporter, importer, HS chapter and year in weighted least squares (Gaulier and Zignago
2010, third step). A country's effect is what its reports add to the usual discrepancy; from it follows the sigma with
which its side enters a reconciled value. Windows of years are the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats

Codes = NDArray[np.integer]
TOLERANCE = 1e-10
"""Residual of the normal equations, relative to their right-hand side, at which they count as solved."""
_AIM = 1e-13
"""Residual the iteration aims at; rounding may stop it above this and well below the tolerance."""


@dataclass(frozen=True)
class Effects:
    """What a window of discrepancies says about reporters.

    Attributes:
        level: the usual |ln(m~ / x)|, value-weighted.
        factors: per factor (exporter, importer, chapter, year) one effect per code, of value-weighted mean 0; nan for
            codes without observations.
        counts: per factor the number of observations of each code.
    """

    level: float
    factors: tuple[Floats, ...]
    counts: tuple[NDArray[np.int64], ...]


def usable(x: ArrayLike, m_fob: ArrayLike, minimum: float) -> NDArray[np.bool_]:
    """Flows that both sides report with at least ``minimum`` dollars; smaller ones differ by rounding and timing."""
    return (np.asarray(x, dtype=np.float64) >= minimum) & (np.asarray(m_fob, dtype=np.float64) >= minimum)


def estimate(
    gap: ArrayLike, weight: ArrayLike, value: ArrayLike, factors: Sequence[Codes], sizes: Sequence[int]
) -> Effects:
    """Weighted least squares of |ln(m~ / x)| on the effects of all factors (2.5).

    Args:
        gap: |ln(m~ / x)| per observation; weight: of the observation, sqrt(min(x, m~)); value: dollars, for the means.
        factors: per factor the code of each observation, 0 to size - 1.
        sizes: per factor the number of codes.

    Between groups of countries that share no observation effects cannot be compared; each group is then set around
    the same level. ArithmeticError if the equations do not come down to ``TOLERANCE``.
    """
    a, w, v = (np.asarray(part, dtype=np.float64) for part in (gap, weight, value))
    counts = tuple(np.bincount(codes, minlength=size) for codes, size in zip(factors, sizes, strict=True))
    if not a.size:
        return Effects(float("nan"), tuple(np.full(size, np.nan) for size in sizes), counts)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    moment = np.concatenate([np.bincount(c, w * a, minlength=n) for c, n in zip(factors, sizes, strict=True)])
    solved = _solve(_gram(w, factors, sizes, starts), moment)
    level, effects = 0.0, []
    for codes, count, start, size in zip(factors, counts, starts, sizes, strict=False):
        own = solved[start : start + size]
        mean = float((v * own[codes]).sum() / v.sum())
        level += mean
        effects.append(np.where(count > 0, own - mean, np.nan))
    return Effects(level, tuple(effects), counts)


def sigma(level: float, effects: ArrayLike, *, floor: float, unknown: float) -> Floats:
    """Standard deviation of a reporter's ln value, max(floor, level + effect) (2.5).

    A reporter without an effect gets the level; without a level, ``unknown`` stands in.
    """
    if np.isnan(level):
        return np.full(np.shape(effects), unknown)
    return np.maximum(floor, level + np.nan_to_num(np.asarray(effects, dtype=np.float64)))


def _gram(w: Floats, factors: Sequence[Codes], sizes: Sequence[int], starts: NDArray[np.int64]) -> Floats:
    """Weighted cross-products of the dummies; summed in the order of observations, so that no bit is left to chance."""
    gram = np.zeros((starts[-1], starts[-1]))
    spans = [slice(starts[n], starts[n + 1]) for n in range(len(sizes))]
    for n, (codes, size) in enumerate(zip(factors, sizes, strict=True)):
        gram[spans[n], spans[n]] = np.diag(np.bincount(codes, w, minlength=size))
    for n, m in combinations(range(len(sizes)), 2):
        cell = factors[n].astype(np.int64) * sizes[m] + factors[m]
        crossed = np.bincount(cell, w, minlength=sizes[n] * sizes[m]).reshape(sizes[n], sizes[m])
        gram[spans[n], spans[m]], gram[spans[m], spans[n]] = crossed, crossed.T
    return gram


def _solve(gram: Floats, moment: Floats) -> Floats:
    """Conjugate gradients with the diagonal as preconditioner.

    Dummies of several factors add up to the same constant, so the equations have many solutions that differ by
    constants only; from a start at zero the method finds one of them without any being singled out.
    """
    diagonal = gram.diagonal()
    scale = np.divide(1, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
    matrix, right = gram * scale[:, None] * scale[None, :], moment * scale
    size = np.sqrt((right**2).sum())
    if size == 0:
        return np.zeros_like(moment)
    found, best, best_error = np.zeros_like(right), np.zeros_like(right), np.inf
    residual, direction, energy = right, right, (right**2).sum()
    for _ in range(20 * len(right)):
        # Written as a sum and not as a matrix product, whose order of summation depends on the machine.
        image = (matrix * direction).sum(axis=1)
        step = energy / (direction * image).sum()
        found = found + step * direction
        residual = residual - step * image
        new_energy = (residual**2).sum()
        error = np.sqrt(new_energy) / size
        if error < best_error:
            best, best_error = found, error
        if error <= _AIM:
            break
        direction = residual + (new_energy / energy) * direction
        energy = new_energy
    true_error = np.sqrt(((right - (matrix * best).sum(axis=1)) ** 2).sum()) / size
    if true_error > TOLERANCE:
        raise ArithmeticError(f"Reporting quality: the normal equations came down to {true_error:.1e} only.")
    return best * scale
