"""Scores, sub-indices and classes of every draw: the drawn raw values on the scale and by the rules that each draw chose."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.drawn import Source, raw_values
from agrocluster.marts.index.plan import Plan
from agrocluster.marts.index.values import transformed
from agrocluster.measures import composite
from agrocluster.measures.composite import Pillars
from agrocluster.measures.safe import Floats

MEANS = ("geometric", "arithmetic")
"""Ways to join pillars, in the order of the choice ``mean``."""

MEDIAN_DECIMALS = 9
"""Medians come from matrix products, whose last bits differ between machines."""


@dataclass(frozen=True)
class Scales:
    """``low`` and ``high`` [scale, indicator] of scores that lie between bounds (min_max, standard); ``ordered``
    [value, indicator] the panel's values in ascending order, inf behind them, for ranks; ``n`` [indicator] their number.
    """

    low: Floats
    high: Floats
    ordered: Floats
    n: NDArray[np.int64]


def scales(panel: Floats, low: Floats, high: Floats, fixed: NDArray[np.bool_], z: float) -> Scales:
    """Scales from the panel's transformed values [unit, indicator] and the goalposts [indicator].

    Standard scores run over as many standard deviations around the mean as the goalposts' quantiles of a normal
    distribution lie from it (``z``). Indicators with ``fixed`` bounds or without goalposts keep these on every scale.
    """
    n = (~np.isnan(panel)).sum(axis=0)
    mean = np.nansum(panel, axis=0) / np.maximum(n, 1)
    deviation = np.sqrt(np.nansum((panel - mean) ** 2, axis=0) / np.maximum(n - 1, 1))
    keep = fixed | np.isnan(low) | (deviation == 0)
    ordered = np.sort(np.where(np.isnan(panel), np.inf, panel), axis=0)
    return Scales(
        low=np.stack([low, np.where(keep, low, mean - z * deviation)]),
        high=np.stack([high, np.where(keep, high, mean + z * deviation)]),
        ordered=ordered,
        n=np.where(keep, 0, n),
    )


def scored(raw: Floats, source: Source, of: Scales, scale: NDArray[np.int64]) -> Floats:
    """Scores [draw, country, chain, indicator] of raw values on the scale that each draw chose; nan without scale."""
    result = np.full(raw.shape, np.nan)
    floor, index = source.method["ln_floor"], source.index
    for i, line in enumerate(index.lines):
        if not index.measured[i] or np.isnan(of.low[0, i]):
            continue
        y = np.where(index.applies[:, i], transformed(raw[..., i], line["transform"], floor), np.nan)
        which = scale if of.n[i] else np.minimum(scale, 0)
        bounded = np.minimum(which, 1)
        low, high = of.low[bounded, i][:, None, None], of.high[bounded, i][:, None, None]
        points = composite.score(y, low, high)
        ranked = np.flatnonzero(which == 2)
        if len(ranked):
            order, n = of.ordered[: of.n[i], i], of.n[i]
            place = (np.searchsorted(order, y[ranked], "left") + np.searchsorted(order, y[ranked], "right")) / 2
            points[ranked] = np.where(np.isnan(y[ranked]), np.nan, 1 + 99 * place / n)
        result[..., i] = points
    return result


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
    """Outcome of every draw for the focus countries, and the panel medians [draw, sub-index] that it is compared with."""
    focus = source.frame.focus
    medians, typical = panel_medians(source, baseline, plan, of)
    raw = raw_values(source, baseline, plan, countries=focus)
    scores = imputed(scored(raw, source, of, plan.choice["scale"]), typical, plan)
    return outcome(scores, source, plan, focus=focus[focus]), medians


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
    typical = np.stack([np.nanmedian(s[0], axis=0) if s.size else s[0, 0] for s in by_scale])
    typical = np.where(source.index.common, typical, np.nan)
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
    """Medians over the units [draw, unit, sub-index] that are known; nan where none is."""
    known = np.asarray((~np.isnan(values)).any(axis=1))
    return np.where(known, np.nanmedian(np.where(known[:, None], values, 0.0), axis=1), np.nan)
