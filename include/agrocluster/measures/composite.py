"""Scores, pillars, sub-indices and confidence of a composite index (OECD and JRC 2008).

Arrays carry units and indicators (or pillars) on their last two axes; axes before them are free, so one index and
thousands of draws of it are the same call. Sums run over indicators one after the other in their order, never through
a matrix product: equal inputs give equal bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agrocluster.measures.safe import Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Structure:
    """Which indicator stands in which pillar and which pillar in which sub-index, with nominal weights.

    ``pillar_of`` int [indicator]; ``weight`` [indicator]; ``anchor`` bool [indicator]: a pillar with anchors exists
    only where one of them is known; ``sub_of`` int [pillar]; ``pillar_weight`` [pillar]; ``required`` bool [pillar]:
    the sub-index exists only where the pillar does.
    """

    pillar_of: NDArray[np.intp]
    weight: Floats
    anchor: Flags
    sub_of: NDArray[np.intp]
    pillar_weight: Floats
    required: Flags

    @property
    def n_sub(self) -> int:
        """Number of sub-indices."""
        return int(self.sub_of.max()) + 1


class Pillars(NamedTuple):
    """``score`` and ``exists`` [..., unit, pillar]; ``weight`` [..., unit, indicator]: share that each indicator had
    in its pillar's score, zero where it took no part."""

    score: Floats
    exists: Flags
    weight: Floats


def score(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """Score between frozen goalposts, 1 + 99 clip((y - L) / (U - L), 0, 1); nan stays nan. Needs low < high."""
    y, bottom, top = (np.asarray(v, dtype=np.float64) for v in (value, low, high))
    return 1 + 99 * np.clip((y - bottom) / (top - bottom), 0, 1)


def pillar_scores(
    scores: ArrayLike,
    structure: Structure,
    *,
    min_weight: float,
    min_indicators: int,
    expected: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Pillars:
    """Arithmetic means of the known indicators of each pillar, weights renormalised over them.

    A pillar exists where an anchor is known (if it has any), where at least ``min_weight`` of the nominal weight that
    is ``expected`` and at least ``min_indicators`` of the expected indicators (or all, where fewer) are known.

    Args:
        scores: [..., unit, indicator], nan where unknown.
        expected: bool, broadcast to ``scores``: what could be known of the unit at all; by default everything.
        weights: [..., indicator], in place of the structure's for the means; existence keeps to the nominal ones.
    """
    values = np.asarray(scores, dtype=np.float64)
    asked = np.moveaxis(np.broadcast_to(True if expected is None else np.asarray(expected), values.shape), -1, 0)
    values = np.moveaxis(values, -1, 0)
    drawn = np.asarray(structure.weight if weights is None else weights, dtype=np.float64)
    drawn = np.moveaxis(drawn[..., None, :], -1, 0)
    shape = (len(structure.sub_of), *values.shape[1:])
    total, mass, known_mass, full_mass = (np.zeros(shape) for _ in range(4))
    n_known, n_asked = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    anchored = np.zeros(shape, dtype=np.bool_)
    for i, pillar in enumerate(structure.pillar_of.tolist()):
        known = ~np.isnan(values[i])
        weight = np.where(known, drawn[i], 0.0)
        total[pillar] += weight * np.where(known, values[i], 0.0)
        mass[pillar] += weight
        known_mass[pillar] += structure.weight[i] * known
        full_mass[pillar] += structure.weight[i] * asked[i]
        n_known[pillar] += known
        n_asked[pillar] += asked[i]
        anchored[pillar] |= known & structure.anchor[i]
    for pillar in set(range(shape[0])) - set(structure.pillar_of[structure.anchor].tolist()):
        anchored[pillar] = True
    exists = (n_known > 0) & anchored & (known_mass >= min_weight * full_mass)
    exists &= n_known >= np.minimum(min_indicators, n_asked)
    mean = np.divide(total, mass, out=np.full(shape, np.nan), where=exists)
    share = np.zeros(values.shape)
    for i, pillar in enumerate(structure.pillar_of.tolist()):
        took_part = exists[pillar] & ~np.isnan(values[i])
        np.divide(np.broadcast_to(drawn[i], took_part.shape), mass[pillar], out=share[i], where=took_part)
    return Pillars(np.moveaxis(mean, 0, -1), np.moveaxis(exists, 0, -1), np.moveaxis(share, 0, -1))


def sub_index_scores(
    pillars: ArrayLike,
    structure: Structure,
    *,
    min_pillars: int,
    method: str = "geometric",
    weights: ArrayLike | None = None,
) -> Floats:
    """Sub-indices [..., unit, sub-index] from pillar scores [..., unit, pillar]; nan where too little is known.

    ``method`` is a name of ``MEANS``; ``weights`` [..., pillar] stand in for the structure's. A sub-index exists with
    ``min_pillars`` of its pillars, the required ones among them.
    """
    values = np.asarray(pillars, dtype=np.float64)
    drawn = np.asarray(structure.pillar_weight if weights is None else weights, dtype=np.float64)[..., None, :]
    drawn = np.broadcast_to(drawn, values.shape)
    found = []
    for sub in range(structure.n_sub):
        own = np.flatnonzero(structure.sub_of == sub)
        part, known = values[..., own], ~np.isnan(values[..., own])
        enough = (known.sum(axis=-1) >= min_pillars) & known[..., structure.required[own]].all(axis=-1)
        found.append(np.where(enough, MEANS[method](part, drawn[..., own]), np.nan))
    return np.stack(found, axis=-1)


def effective_weights(pillars: Pillars, structure: Structure, sub_indices: ArrayLike) -> Floats:
    """Share [..., unit, indicator] with which each indicator carried its sub-index; zero where that does not exist."""
    own = np.where(pillars.exists, structure.pillar_weight, 0.0)
    whole = np.stack([own[..., structure.sub_of == s].sum(axis=-1) for s in range(structure.n_sub)], axis=-1)
    lives = ~np.isnan(np.asarray(sub_indices, dtype=np.float64))
    share = np.divide(own, whole[..., structure.sub_of], out=np.zeros(own.shape), where=lives[..., structure.sub_of])
    return share[..., structure.pillar_of] * pillars.weight


def arithmetic_mean(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Weighted mean of the known values of the last axis, weights renormalised over them; nan when none is known."""
    x, w = _known(values, weights)
    return _ratio(_ordered_sum(w * x), _ordered_sum(w))


def geometric_mean(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Weighted geometric mean of the known positive values of the last axis; nan when none is known."""
    x, w = _known(values, weights)
    return np.exp(_ratio(_ordered_sum(w * np.log(np.where(w > 0, x, 1.0))), _ordered_sum(w)))


def harmonic_mean(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Weighted harmonic mean of the known positive values of the last axis; nan when none is known."""
    x, w = _known(values, weights)
    return _ratio(_ordered_sum(w), _ordered_sum(w / np.where(w > 0, x, 1.0)))


MEANS: Mapping[str, Callable[[ArrayLike, ArrayLike | None], Floats]] = {
    "geometric": geometric_mean,
    "arithmetic": arithmetic_mean,
    "harmonic": harmonic_mean,
}
"""Ways to put pillars together, by name."""


def potential(position: ArrayLike, headroom: ArrayLike) -> Floats:
    """POTENTIAL, sqrt(POSITION HEADROOM); nan where either is unknown."""
    return np.sqrt(np.asarray(position, dtype=np.float64) * np.asarray(headroom, dtype=np.float64))


def adjusted_potential(value: ArrayLike, enabling: ArrayLike, floor: float = 0.75) -> Floats:
    """Potential scaled by floor to 1 with the enabling score (1 to 100), for comparisons across countries."""
    return np.asarray(value, dtype=np.float64) * (floor + (1 - floor) * np.asarray(enabling, dtype=np.float64) / 100)


def confidence(parts: ArrayLike) -> Floats:
    """Confidence, geometric mean of its known parts on the last axis, each between 0 and 1."""
    return geometric_mean(parts)


def _known(values: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    x = np.asarray(values, dtype=np.float64)
    w = np.where(np.isnan(x), 0.0, 1.0 if weights is None else np.asarray(weights, dtype=np.float64))
    return np.where(np.isnan(x), 0.0, x), w


def _ordered_sum(values: Floats) -> Floats:
    total = np.zeros(values.shape[:-1])
    for part in np.moveaxis(values, -1, 0):
        total = total + part
    return total


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
