"""Scores and sub-indices of every draw: drawn raw values on the scale and by the rules that the draw chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.drawn import Source, raw_values
from agrocluster.marts.index.plan import Plan, published
from agrocluster.marts.index.values import transformed
from agrocluster.measures import composite
from agrocluster.measures.composite import Pillars
from agrocluster.measures.normalise import Scale, min_max, rank_percentile, z_score
from agrocluster.measures.safe import Floats

MEANS = ("geometric", "arithmetic")
"""Ways to join pillars, in the order of the choice ``mean``."""

MEDIAN_DECIMALS = 9
"""Medians come from matrix products, whose last bits differ between machines."""


@dataclass(frozen=True)
class Scales:
    """``low`` and ``high`` [indicator]: goalposts; ``panel``: what standard and rank scores need of the panel's cells;
    ``bounded`` bool [indicator]: fixed bounds or no goalposts, scored between these under every choice of scale."""

    low: Floats
    high: Floats
    panel: Scale
    bounded: NDArray[np.bool_]


def scored(raw: Floats, source: Source, of: Scales, scale: NDArray[np.int64]) -> Floats:
    """Scores [draw, country, chain, indicator] of raw values on the scale that each draw chose; nan without scale."""
    index, floor = source.index, source.method["ln_floor"]
    y = np.full(raw.shape, np.nan)
    for i in np.flatnonzero(index.measured).tolist():
        y[..., i] = np.where(index.applies[:, i], transformed(raw[..., i], index.lines[i]["transform"], floor), np.nan)
    units = y.reshape(len(raw), -1, raw.shape[-1])
    points = min_max(units, of.low, of.high, axis=-2)
    standard, ranked = (np.flatnonzero(scale == option) for option in (1, 2))
    other = z_score(units[standard], of.panel.mean, of.panel.sd, span=source.method["zscore_span"], axis=-2)
    points[standard] = np.where(of.bounded, points[standard], other)
    other = rank_percentile(units[ranked], of.panel.panel.T, axis=-2)
    points[ranked] = np.where(of.bounded, points[ranked], other)
    return points.reshape(raw.shape)


@dataclass(frozen=True)
class Outcome:
    """``pillars`` of the draw's rules; ``position``, ``headroom`` [draw, country, chain]; the same of the indicators
    that panel countries have too (``common``), [draw, country, chain, sub-index], and their ``common_weight`` in the
    pillars [draw, unit, indicator]."""

    pillars: Pillars
    position: Floats
    headroom: Floats
    common: Floats
    common_weight: Floats


def outcome(scores: Floats, source: Source, plan: Plan, *, focus: NDArray[np.bool_]) -> Outcome:
    """Sub-indices of scores [draw, country, chain, indicator]; ``focus`` bool [country]."""
    index = source.index
    asked = index.applies & index.measured & (focus[:, None, None] | index.common)
    pillars, subs = _sub_indices(scores, source, plan, asked)
    shared = np.where(index.common, scores, np.nan)
    compared, common = _sub_indices(shared, source, plan, np.broadcast_to(index.applies & index.common, asked.shape))
    return Outcome(pillars, subs[..., 0], subs[..., 1], common, compared.weight)


def simulated(source: Source, baseline: int, plan: Plan, of: Scales) -> tuple[Outcome, Floats]:
    """Outcome of every draw for the focus countries, and the panel medians [draw, sub-index] to compare it with.

    Scales by rank or by deviation, and arithmetic means, lie higher as a whole. POSITION and HEADROOM of a draw are
    therefore brought to the published panel median: what remains is how a cell stands against the panel.
    """
    focus, index = source.frame.focus, source.index
    medians, typical = panel_medians(source, baseline, plan, of)
    usual, _ = panel_medians(source, baseline, published(index, source.method), of)
    raw = raw_values(source, baseline, plan, countries=focus)
    scores = imputed(scored(raw, source, of, plan.choice["scale"]), typical, plan)
    found = outcome(scores, source, plan, focus=focus[focus])
    level = np.where(np.isnan(medians) | np.isnan(usual), 1.0, usual / medians)[:, None, None]
    position, headroom = (np.clip(v * level[..., n], 1, 100) for n, v in enumerate((found.position, found.headroom)))
    return replace(found, position=position, headroom=headroom), medians


def imputed(scores: Floats, typical: Floats, plan: Plan) -> Floats:
    """Scores with what is unknown taken from ``typical`` [scale, chain, indicator] in the draws that chose so."""
    fill = (plan.choice["missing"] == 1)[:, None, None, None] & np.isnan(scores)
    return np.where(fill, typical[plan.choice["scale"]][:, None], scores)


def panel_medians(source: Source, baseline: int, plan: Plan, of: Scales) -> tuple[Floats, Floats]:
    """Medians [draw, sub-index] over the panel's cells under each draw's choices and weights, and the typical scores
    [scale, chain, indicator]: the panel's medians under the published choices."""
    panel = source.frame.panel
    names = ("window", "base", "stages")
    options = [range(int(plan.choice[name].max()) + 1) for name in names]
    combos = list(product(*options))
    zero = np.zeros(len(combos), dtype=np.int64)
    chosen = dict.fromkeys(plan.choice, zero) | {
        name: np.array([c[n] for c in combos], dtype=np.int64) for n, name in enumerate(names)
    }
    nominal = Plan(len(combos), chosen, plan.weight[:1], plan.pillar_weight[:1], None)
    raw = raw_values(source, baseline, nominal, countries=panel)
    by_scale = [scored(raw, source, of, np.full(len(combos), scale)) for scale in range(3)]
    typical = np.where(source.index.common, np.stack([_median(s[:1])[0] for s in by_scale]), np.nan)
    key = np.stack([plan.choice[name] for name in (*names, "scale", "missing")])
    medians = np.full((plan.n, source.index.structure.n_sub), np.nan)
    asked = np.broadcast_to(source.index.applies & source.index.common, raw.shape[1:])
    for group in np.unique(key, axis=1).T:
        mine = np.flatnonzero((key == group[:, None]).all(axis=0))
        scores = by_scale[group[3]][combos.index(tuple(group[:3].tolist()))]
        if group[4]:
            scores = np.where(np.isnan(scores), typical[group[3]], scores)
        units = np.where(source.index.common, scores, np.nan).reshape(-1, scores.shape[-1])
        exists = _pillars(units, source, asked.reshape(-1, scores.shape[-1])).exists
        pillars = composite.reweighted(units, exists, source.index.structure, plan.weight[mine])
        subs = _joined(pillars, source, plan.choice["mean"][mine], plan.pillar_weight[mine])
        medians[mine] = np.round(_median(subs), MEDIAN_DECIMALS)
    return medians, typical


def _sub_indices(scores: Floats, source: Source, plan: Plan, asked: NDArray[np.bool_]) -> tuple[Pillars, Floats]:
    """Pillars and sub-indices of units [draw, country, chain, ...] by the weights and the mean of each draw."""
    units = scores.reshape(plan.n, -1, scores.shape[-1])
    pillars = _pillars(units, source, asked.reshape(-1, scores.shape[-1]), plan.weight)
    subs = _joined(pillars.score, source, plan.choice["mean"], plan.pillar_weight)
    return pillars, subs.reshape(*scores.shape[:-1], subs.shape[-1])


def _pillars(units: Floats, source: Source, asked: NDArray[np.bool_], weights: Floats | None = None) -> Pillars:
    return composite.pillar_scores(
        units,
        source.index.structure,
        min_weight=source.method["pillar_min_weight"],
        min_indicators=int(source.method["pillar_min_indicators"]),
        expected=asked,
        weights=weights,
    )


def _joined(pillars: Floats, source: Source, mean: NDArray[np.int64], weights: Floats) -> Floats:
    """Sub-indices [draw, unit, sub-index] of pillars [draw, unit, pillar] by the ``mean`` that each draw chose."""
    found = np.empty((*pillars.shape[:2], source.index.structure.n_sub))
    for option, name in enumerate(MEANS):
        mine = mean == option
        found[mine] = composite.sub_index_scores(
            pillars[mine],
            source.index.structure,
            min_pillars=int(source.method["index_min_pillars"]),
            method=name,
            weights=weights[mine],
        )
    return found


def _median(values: Floats) -> Floats:
    """Medians over the second axis of what is known; nan where nothing is."""
    known = np.asarray((~np.isnan(values)).any(axis=1))
    return np.where(known, np.nanmedian(np.where(known[:, None], values, 0.0), axis=1), np.nan)
