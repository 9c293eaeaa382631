"""Which choice moves the result: Sobol indices, exact for all combinations of choices, estimated from samples (9.7).

The first-order index of a factor is the share of the variance of the output that goes away, on average, once the
factor is settled; the total index is what remains, on average, while it alone is open. The difference is what it does
together with others (Saisana, Saltelli and Tarantola 2005). Factors are independent of each other.

Outputs have the combinations or sample points along their first axis and any cells behind it; every cell has its own
indices. A cell that is unknown in one combination is unknown, with a reason: leaving it out would unbalance the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats, choose, divide

UNKNOWN, CONSTANT = "unknown_under_some_choices", "no_variance"
"""Reasons why a cell has no indices."""
_NOISE = 1e-24
"""Variance relative to the squared size of outputs that is rounding (1e-12 of the size)."""


@dataclass(frozen=True)
class Effects:
    """Sobol indices, factors along the first axis, cells behind it.

    Attributes:
        first, total: indices; nan where ``reason`` is not empty.
        variance: of the output, per cell; nan where it is not known throughout.
        reason: empty, ``UNKNOWN`` or ``CONSTANT``, per cell.
    """

    first: Floats
    total: Floats
    variance: Floats
    reason: NDArray[np.object_]


def factorial_effects(
    outputs: ArrayLike, choices: ArrayLike, *, probability: Sequence[ArrayLike] | None = None
) -> Effects:
    """Exact indices of discrete factors from the outputs of every combination of their levels.

    Args:
        outputs: combinations by cells (any number of axes).
        choices: level of every factor in every combination, 0 to levels - 1, combinations by factors, in any order.
        probability: of the levels, per factor; equal by default.

    With all combinations there is nothing to sample: first = Var(E[Y | X_i]) / Var(Y), total = 1 - Var(E[Y | X_~i]) /
    Var(Y). ValueError unless every combination is there exactly once.
    """
    y, p = _on_grid(outputs, choices, probability)
    k = len(p)
    mean, cells = _mean(y, p, range(k)), y.shape[k:]
    variance = _mean(np.square(y - mean), p, range(k)).reshape(cells)
    one_known = [_variance_of_mean(y, p, [i]) for i in range(k)]
    one_open = [_variance_of_mean(y, p, [j for j in range(k) if j != i]) for i in range(k)]
    size = np.square(np.abs(y).max(axis=tuple(range(k))))
    reason = _reasons(np.isnan(variance), variance <= _NOISE * size)
    usable = np.where(reason == "", variance, np.nan)
    first, rest = (np.stack(part) / usable for part in (one_known, one_open))
    return Effects(first, 1 - rest, variance, reason)


def factorial_parts(
    outputs: ArrayLike, choices: ArrayLike, *, probability: Sequence[ArrayLike] | None = None
) -> dict[tuple[int, ...], Floats]:
    """The whole analysis of variance: what every set of factors adds beyond its parts; all of it is the variance.

    Arguments as of ``factorial_effects``. Keys are factors in rising order, values variances per cell, nan where a cell
    is not known throughout.
    """
    y, p = _on_grid(outputs, choices, probability)
    parts: dict[tuple[int, ...], Floats] = {}
    for code in sorted(range(1, 2 ** len(p)), key=lambda c: (c.bit_count(), c)):
        members = tuple(i for i in range(len(p)) if code >> i & 1)
        inner = [part for of, part in parts.items() if set(of) < set(members)]
        parts[members] = _variance_of_mean(y, p, members) - sum(inner, np.zeros(y.shape[len(p) :]))
    return parts


def saltelli_sample(n: int, factors: int, rng: np.random.Generator) -> Floats:
    """Points at which to evaluate a model for ``saltelli_effects``, in the unit cube.

    Args:
        n: base points, a power of two (ValueError otherwise: the Sobol sequence is balanced only then).
        factors: number of independent factors; rng: scrambles the sequence.

    Returns [factors + 2, n, factors]: A, B, and for every factor A with that factor's column from B.
    """
    from scipy.stats import qmc  # takes a second to import, which exact indices never need

    if n < 2 or n & (n - 1):
        raise ValueError(f"{n} base points: the Sobol sequence asks for a power of two")
    points = qmc.Sobol(2 * factors, scramble=True, rng=rng).random(n)
    a, b = points[:, :factors], points[:, factors:]
    mixed = np.where(np.eye(factors, dtype=bool)[:, None, :], b, a)
    return np.concatenate([a[None], b[None], mixed])


def as_levels(sample: ArrayLike, levels: Sequence[int]) -> NDArray[np.int64]:
    """Levels of equal probability, 0 to levels - 1, for points of the unit cube with factors along the last axis."""
    counts = np.asarray(levels)
    return np.minimum(np.floor(np.asarray(sample) * counts), counts - 1).astype(np.int64)


def saltelli_effects(outputs: ArrayLike) -> Effects:
    """Estimated indices of any factors from a sample.

    Args:
        outputs: of ``saltelli_sample``'s points, [factors + 2, n, cells ...].

    First order after Saltelli et al. (2010, estimator b of their table 2): mean of f(B) (f(AB_i) - f(A)); total after
    Jansen (1999): half the mean of (f(A) - f(AB_i))^2; both over the variance of f(A) and f(B) together. Outputs are
    centred first, which leaves the expectation and takes away most of the noise. Estimates of effects near 0 may be
    slightly negative.
    """
    y = np.asarray(outputs, dtype=np.float64)
    size = np.square(np.abs(y).max(axis=(0, 1)))
    y = y - y[:2].mean(axis=(0, 1))
    a, b, mixed = y[0], y[1], y[2:]
    variance = np.square(y[:2]).mean(axis=(0, 1))
    lost = np.isnan(y).any(axis=(0, 1))
    reason = _reasons(lost, variance <= _NOISE * size)
    usable = np.where(reason == "", variance, np.nan)
    first = (b * (mixed - a)).mean(axis=1) / usable
    total = np.square(a - mixed).mean(axis=1) / (2 * usable)
    return Effects(first, total, np.where(lost, np.nan, variance), reason)


def _on_grid(
    outputs: ArrayLike, choices: ArrayLike, probability: Sequence[ArrayLike] | None
) -> tuple[Floats, list[Floats]]:
    """Outputs with an axis per factor in front, and the probabilities of its levels along that axis."""
    y, levels = np.asarray(outputs, dtype=np.float64), np.asarray(choices, dtype=np.int64)
    counts = levels.max(axis=0) + 1
    place = np.ravel_multi_index(tuple(levels.T), tuple(counts))
    if len(place) != len(y) or not np.array_equal(np.sort(place), np.arange(np.prod(counts))):
        raise ValueError(f"{len(y)} outputs are not one for each of the {np.prod(counts)} combinations of levels")
    grid = y[np.argsort(place)].reshape(*counts, *y.shape[1:])
    given = [np.ones(c) for c in counts] if probability is None else [np.asarray(p, np.float64) for p in probability]
    if [len(p) for p in given] != list(counts):
        raise ValueError("every level of every factor needs a probability")
    return grid, [divide(p, p.sum()) for p in given]


def _variance_of_mean(y: Floats, p: list[Floats], known: Sequence[int]) -> Floats:
    """Var(E[Y | factors ``known``]), per cell."""
    k = len(p)
    conditional = _mean(y, p, [i for i in range(k) if i not in known])
    middle = _mean(conditional, p, known)
    return _mean(np.square(conditional - middle), p, known).reshape(y.shape[k:])


def _mean(y: Floats, p: list[Floats], over: Sequence[int]) -> Floats:
    """Mean over the axes of some factors, which stay with length 1."""
    for i in over:
        y = (y * p[i].reshape(-1, *[1] * (y.ndim - i - 1))).sum(axis=i, keepdims=True)
    return y


def _reasons(lost: NDArray[np.bool_], still: NDArray[np.bool_]) -> NDArray[np.object_]:
    return choose([lost, still, ~lost], (UNKNOWN, CONSTANT, ""))
