"""A complete composite index, built twice: here in plain loops over lists, there by the engine.

The example has the shape of the ASEM index of sustainable connectivity that the JRC's COIN Tool and COINr carry: 51
units, 49 indicators of mixed units and directions, 8 pillars, 2 sub-indices (5 and 3 pillars), gaps, no winsorisation.
The reference side knows lists, ``math`` and ``statistics`` and imports nothing of the engine.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from agrocluster.measures import composite, normalise, sensitivity

Table = list[list[float | None]]

PILLAR_SIZES = (8, 6, 5, 6, 5, 7, 6, 6)
SUB_OF = (0, 0, 0, 0, 0, 1, 1, 1)
PILLAR_OF = [p for p, size in enumerate(PILLAR_SIZES) for _ in range(size)]
UNITS, INDICATORS = 51, len(PILLAR_OF)
REQUIRED = (True, False, False, False, False, True, False, False)
ANCHORS = (0, 3)
MIN_WEIGHT, MIN_INDICATORS, MIN_PILLARS, SPAN = 0.6, 2, 3, 1.645
NORMALISATIONS, AGGREGATIONS, WEIGHTINGS = ("min_max", "z", "rank"), ("geometric", "arithmetic", "harmonic"), (0, 1)


def example() -> tuple[Table, list[int], list[list[float]], list[list[float]]]:
    """Raw values (None: unknown), directions, two sets of indicator weights and two of pillar weights."""
    draw = random.Random(49)
    latent = [[draw.gauss(0, 1) for _ in range(8)] for _ in range(UNITS)]
    direction = [-1 if i % 5 == 2 else 1 for i in range(INDICATORS)]
    raw: Table = []
    for u in range(UNITS):
        row: list[float | None] = []
        for i, p in enumerate(PILLAR_OF):
            common = 0.7 * latent[u][p] + 0.3 * latent[u][0] + draw.gauss(0, 0.6)
            value = 10 ** (i % 4) * (math.exp(common) if i % 3 == 0 else 5 + common)
            # Counts repeat, so that ranks have ties.
            row.append(float(round(direction[i] * value)) if i % 7 == 4 else direction[i] * value)
        for i in range(INDICATORS):
            # One unit knows next to nothing, others lose single values or a whole pillar's.
            if draw.random() < (0.85 if u == 17 else 0.08) or (u % 13 == 5 and PILLAR_OF[i] == u % 8):
                row[i] = None
        raw.append(row)
    indicator_weights = [[1.0] * INDICATORS, [draw.choice([0.5, 1.0, 2.0]) for _ in range(INDICATORS)]]
    pillar_weights = [[1.0] * 8, [1.0, 2.0, 1.0, 0.5, 1.0, 1.5, 1.0, 1.0]]
    return raw, direction, indicator_weights, pillar_weights


# ---------------------------------------------------------------- reference: plain Python


def reference_normalised(raw: Table, direction: list[int], way: str) -> Table:
    scored: Table = [[None] * INDICATORS for _ in raw]
    for i in range(INDICATORS):
        column = [None if row[i] is None else direction[i] * row[i] for row in raw]
        known = sorted(v for v in column if v is not None)
        mean, sd = statistics.fmean(known), statistics.stdev(known)
        for u, value in enumerate(column):
            if value is None:
                continue
            if way == "min_max":
                part = (value - known[0]) / (known[-1] - known[0])
            elif way == "z":
                part = 0.5 + (value - mean) / sd / (2 * SPAN)
                part = min(1.0, max(0.0, part))
            else:
                ranks = [rank for rank, other in enumerate(known, start=1) if other == value]
                part = (statistics.fmean(ranks) - 0.5) / len(known)
            scored[u][i] = 1 + 99 * part
    return scored


def reference_mean(values: list[float], weights: list[float], how: str) -> float:
    whole = math.fsum(weights)
    if how == "arithmetic":
        return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / whole
    if how == "geometric":
        return math.prod(v ** (w / whole) for w, v in zip(weights, values, strict=True))
    return whole / math.fsum(w / v for w, v in zip(weights, values, strict=True))


def reference_pillars(scored: Table, weights: list[float]) -> Table:
    table: Table = []
    for row in scored:
        line: list[float | None] = []
        for p, size in enumerate(PILLAR_SIZES):
            own = [i for i in range(INDICATORS) if PILLAR_OF[i] == p]
            known = [i for i in own if row[i] is not None]
            heavy = math.fsum(weights[i] for i in known) >= MIN_WEIGHT * math.fsum(weights[i] for i in own)
            enough = len(known) >= min(MIN_INDICATORS, size)
            anchored = p != 0 or any(i in ANCHORS for i in known)
            if known and heavy and enough and anchored:
                line.append(reference_mean([row[i] for i in known], [weights[i] for i in known], "arithmetic"))
            else:
                line.append(None)
        table.append(line)
    return table


def reference_sub_indices(pillars: Table, weights: list[float], how: str) -> Table:
    table: Table = []
    for row in pillars:
        line: list[float | None] = []
        for sub in (0, 1):
            own = [p for p in range(8) if SUB_OF[p] == sub]
            known = [p for p in own if row[p] is not None]
            if len(known) < MIN_PILLARS or any(REQUIRED[p] and row[p] is None for p in own):
                line.append(None)
            else:
                line.append(reference_mean([row[p] for p in known], [weights[p] for p in known], how))
        table.append(line)
    return table


def reference_sobol(outputs: dict[tuple[int, ...], float], factor: int) -> tuple[float, float]:
    """First-order and total index of one factor of a full factorial, from their definitions."""

    def variance_of(values: Iterable[float]) -> float:
        listed = list(values)
        mean = math.fsum(listed) / len(listed)
        return math.fsum((v - mean) ** 2 for v in listed) / len(listed)

    variance = variance_of(outputs.values())

    def grouped(key: Callable[[tuple[int, ...]], object]) -> list[list[float]]:
        groups: dict[object, list[float]] = {}
        for choice, value in outputs.items():
            groups.setdefault(key(choice), []).append(value)
        return list(groups.values())

    of_factor = [statistics.fmean(group) for group in grouped(lambda c: c[factor])]
    others_fixed = [variance_of(g) for g in grouped(lambda c: c[:factor] + c[factor + 1 :])]
    return variance_of(of_factor) / variance, statistics.fmean(others_fixed) / variance


# ---------------------------------------------------------------- engine


def as_array(table: Table) -> np.ndarray:
    return np.array([[np.nan if v is None else v for v in row] for row in table])


def structure(weighting: int) -> composite.Structure:
    _, _, indicator_weights, pillar_weights = example()
    return composite.Structure(
        pillar_of=np.array(PILLAR_OF),
        weight=np.array(indicator_weights[weighting]),
        anchor=np.isin(np.arange(INDICATORS), ANCHORS),
        sub_of=np.array(SUB_OF),
        pillar_weight=np.array(pillar_weights[weighting]),
        required=np.array(REQUIRED),
    )


def engine_normalised(way: str) -> np.ndarray:
    raw, direction, _, _ = example()
    y = as_array(raw) * direction
    scale = normalise.frozen_scale(y, axis=0, low=0, high=1)
    if way == "min_max":
        return normalise.min_max(y, scale.low, scale.high, axis=0)
    if way == "z":
        return normalise.z_score(y, scale.mean, scale.sd, axis=0)
    return normalise.rank_percentile(y, y, axis=0)


def engine(way: str, how: str, weighting: int) -> tuple[composite.Pillars, np.ndarray]:
    of = structure(weighting)
    pillars = composite.pillar_scores(engine_normalised(way), of, min_weight=MIN_WEIGHT, min_indicators=MIN_INDICATORS)
    return pillars, composite.sub_index_scores(pillars.score, of, min_pillars=MIN_PILLARS, method=how)


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("way", NORMALISATIONS)
def test_every_indicator_is_scored_alike(way: str) -> None:
    raw, direction, _, _ = example()
    expected = as_array(reference_normalised(raw, direction, way))
    np.testing.assert_allclose(engine_normalised(way), expected, rtol=1e-12, atol=1e-10)
    assert np.isnan(expected).sum() > 200, "the example has gaps"


@pytest.mark.parametrize(("way", "how", "weighting"), list(itertools.product(NORMALISATIONS, AGGREGATIONS, WEIGHTINGS)))
def test_pillars_and_sub_indices_come_out_alike(way: str, how: str, weighting: int) -> None:
    raw, direction, indicator_weights, pillar_weights = example()
    pillars = reference_pillars(reference_normalised(raw, direction, way), indicator_weights[weighting])
    expected = as_array(reference_sub_indices(pillars, pillar_weights[weighting], how))
    found, sub_indices = engine(way, how, weighting)
    np.testing.assert_allclose(found.score, as_array(pillars), rtol=1e-12)
    np.testing.assert_allclose(sub_indices, expected, rtol=1e-12)
    np.testing.assert_array_equal(found.exists, ~np.isnan(as_array(pillars)))
    assert 0 < np.isnan(expected).sum() < expected.size / 4, "some units are too little known, most are not"


def test_all_choices_at_once_are_the_same_call_with_an_axis_more() -> None:
    of = structure(0)
    stacked = np.stack([engine_normalised(way) for way in NORMALISATIONS])
    pillars = composite.pillar_scores(stacked, of, min_weight=MIN_WEIGHT, min_indicators=MIN_INDICATORS)
    together = composite.sub_index_scores(pillars.score, of, min_pillars=MIN_PILLARS, method="harmonic")
    one_by_one = np.stack([engine(way, "harmonic", 0)[1] for way in NORMALISATIONS])
    np.testing.assert_array_equal(together, one_by_one)


def test_effective_weights_are_the_derivatives_of_an_arithmetic_index() -> None:
    of, scores = structure(1), engine_normalised("min_max")
    pillars, sub_indices = engine("min_max", "arithmetic", 1)
    carried = composite.effective_weights(pillars, of, sub_indices)
    for sub in (0, 1):
        own = np.isin(of.pillar_of, np.flatnonzero(of.sub_of == sub))
        rebuilt = np.nansum(np.where(carried > 0, carried * scores, 0)[:, own], axis=1)
        known = ~np.isnan(sub_indices[:, sub])
        np.testing.assert_allclose(rebuilt[known], sub_indices[known, sub], rtol=1e-12)
        assert (carried[~known][:, own] == 0).all()


def test_sobol_indices_over_all_choices_come_out_alike() -> None:
    raw, direction, indicator_weights, pillar_weights = example()
    ways = [reference_normalised(raw, direction, way) for way in NORMALISATIONS]
    choices = list(itertools.product(range(3), range(3), range(2)))
    reference = {
        (n, a, w): reference_sub_indices(
            reference_pillars(ways[n], indicator_weights[w]), pillar_weights[w], AGGREGATIONS[a]
        )
        for n, a, w in choices
    }
    outputs = np.stack([engine(NORMALISATIONS[n], AGGREGATIONS[a], w)[1] for n, a, w in choices])
    found = sensitivity.factorial_effects(outputs, choices)
    compared = 0
    for unit, sub in itertools.product(range(UNITS), (0, 1)):
        cell = {c: reference[c][unit][sub] for c in choices}
        if None in cell.values():
            assert found.reason[unit, sub] == sensitivity.UNKNOWN
            assert np.isnan(found.first[:, unit, sub]).all()
            continue
        compared += 1
        for factor in range(3):
            pair = (found.first[factor, unit, sub], found.total[factor, unit, sub])
            assert pair == pytest.approx(reference_sobol(cell, factor), rel=1e-8, abs=1e-10)
    assert compared > 70
