"""Raw values of the indicators under a plan: from changed exports and output where formulas exist, else the published
value with the error of its statistics.

What a choice reaches: the window, the base and the definition of stages all indicators of ``formulas``; freight the
exports that rest on partners' reports alone. Indicators without a formula keep their published window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.definition import Frame, Index
from agrocluster.marts.index.formulas import Flows, trade, window
from agrocluster.marts.index.plan import Errors, Plan, published
from agrocluster.marts.index.state import State
from agrocluster.marts.parameters import Parameters
from agrocluster.measures.composite import Flags
from agrocluster.measures.safe import Floats, divide, known_sum, ln

PERCENT = 100.0
"""Unit of shares and of yearly rates (noise ``growth``) that are told in percent."""


@dataclass(frozen=True)
class Source:
    """What raw values are made of; ``published`` [baseline, country, chain, indicator]."""

    index: Index
    frame: Frame
    state: State
    method: Parameters
    published: Floats

    def spans(self, baseline: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Places of the years of each choice of window in ``State.years``, and of the window before it."""
        first, last = self.frame.first_years[baseline], self.frame.last_years[baseline]
        if first is None or last is None:
            return [(self._places([]), self._places([]))] * 3
        span, long = last - first + 1, int(self.method["mc_long_window_years"])
        excluded = int(self.method["mc_excluded_year"])
        found = []
        for years, without in ((span, None), (long, None), (span, excluded)):
            now = [y for y in range(last - years + 1, last + 1) if y != without]
            before = [y for y in range(last - 2 * years + 1, last - years + 1) if y != without]
            found.append((self._places(now), self._places(before)))
        return found

    def _places(self, years: list[int]) -> NDArray[np.int64]:
        held = self.state.years
        return np.array([y - held[0] for y in years if len(held) and held[0] <= y <= held[-1]], dtype=np.int64)


def raw_values(source: Source, baseline: int, plan: Plan, *, countries: Flags) -> Floats:
    """Raw values [draw, country, chain, indicator] of the countries chosen. Errors reach the focus countries only, so a
    plan with errors asks for these (ValueError otherwise)."""
    index, frame, state = source.index, source.frame, source.state
    if plan.errors is not None and (countries != frame.focus).any():
        raise ValueError("errors are known of the focus countries only")
    base = source.published[baseline][countries]
    raw = np.repeat(base[None], plan.n, axis=0)
    spans = source.spans(baseline)
    if not len(spans[0][0]):
        return raw
    flows = _flows(state, frame, plan, np.unique(np.concatenate([p for pair in spans for p in pair])), countries)
    farms = _farm_errors(state, plan, spans[0])
    for option, (now, before) in enumerate(spans):
        mine = np.flatnonzero(plan.choice["window"] == option)
        if not len(mine):
            continue
        part = flows if flows.x.shape[0] == 1 else _of_draws(flows, mine)
        found = trade(
            window(part, now),
            window(part, before),
            state,
            source.method,
            all_goods=plan.choice["base"][mine] == 1,
            bec=plan.choice["stages"][mine] == 1,
        )
        found |= _farms(source, countries, spans, option, base, None if farms is None else farms[:, mine])
        for name, values in found.items():
            raw[mine, ..., index.column(name)] = values
    demand = index.column("demand_growth")
    raw[..., demand] = base[..., demand] + _demand_shift(state, flows, spans[0])[:, None, :]
    return raw if plan.errors is None else _with_noise(source, plan.errors, raw, spans[0][0])


@dataclass(frozen=True)
class Prices:
    """Value at other prices over value as it is, of the goods of one window (1 where prices are not known): ``chain``
    [c, h, s], ``world`` [h, s], ``all_goods`` and ``agri`` [c], ``world_all`` and ``world_agri``; ``level``: consumer
    prices of the window over those of the time that the other prices are of."""

    chain: Floats
    world: Floats
    all_goods: Floats
    agri: Floats
    world_all: float
    world_agri: float
    level: float


def at_prices_of(source: Source, baseline: int, prices: Prices) -> Floats:
    """Raw values [country, chain, indicator] of the baseline with the goods of its window at other prices.

    Exports, theirs and the world's, of the chains and of everything else, change; what was traded before the window and
    indicators without a formula stay, but for the residual of growth, which is worth as much as the goods.
    """
    rows, _ = source.spans(baseline)[0]
    state = source.state
    if not len(rows):
        return source.published[baseline]

    def changed(values: Floats, factor: Floats | float) -> Floats:
        result = values.copy()
        result[rows] = values[rows] * factor
        return result

    world = changed(state.world, prices.world)
    repriced = replace(
        state,
        x=changed(state.x, prices.chain),
        world=world,
        x_all=changed(state.x_all, prices.all_goods),
        x_agri=changed(state.x_agri, prices.agri),
        w_all=changed(state.w_all, prices.world_all),
        w_agri=changed(state.w_agri, prices.world_agri),
    )
    everyone = np.ones(len(source.frame.countries), dtype=np.bool_)
    plan = published(source.index, source.method)
    raw = raw_values(replace(source, state=repriced), baseline, plan, countries=everyone)[0]
    kept = divide(np.nansum(world[rows], axis=(0, 2)), np.nansum(state.world[rows], axis=(0, 2)))
    # Demand is told in constant dollars already: of the price of its goods only what differs from all prices counts.
    demand = source.index.column("demand_growth")
    raw[..., demand] = source.published[baseline][..., demand] + ln(kept * prices.level) / len(rows)
    raw[..., source.index.column("cms_residual")] *= _or(kept, 1.0)
    return raw


def _flows(state: State, frame: Frame, plan: Plan, years: NDArray[np.int64], countries: Flags) -> Flows:
    x, freight = state.x[None][:, :, countries], plan.choice["freight"]
    flows = Flows(
        x=x,
        x_all=state.x_all[None][..., countries],
        x_agri=state.x_agri[None][..., countries],
        world=state.world[None],
        world_base=(state.world * np.nan_to_num(state.world_on_base))[None],
        w_all=state.w_all[None],
        w_agri=state.w_agri[None],
        on_base=state.on_base[:, countries],
        moved=state.moved[:, countries],
    )
    if plan.errors is None and not freight.any():
        return flows
    factor = np.concatenate([np.ones((1, *state.cif.shape[1:])), state.cif])[freight]
    if plan.errors is not None:
        for y in years.tolist():
            drawn = plan.errors.of_year("exports", int(state.years[y]), state.sigma.shape[1:])
            factor[:, y] *= np.exp(drawn * state.sigma[y])
    change = np.nan_to_num(x * (factor - 1))
    change_base = change * np.nan_to_num(flows.on_base)
    flows = replace(
        flows,
        x=x * factor,
        x_all=flows.x_all + change.sum(axis=(3, 4)),
        x_agri=flows.x_agri + change_base.sum(axis=(3, 4)),
        world=flows.world + change.sum(axis=2),
        world_base=flows.world_base + change_base.sum(axis=2),
        w_all=flows.w_all + change.sum(axis=(2, 3, 4)),
        w_agri=flows.w_agri + change_base.sum(axis=(2, 3, 4)),
    )
    return flows if plan.errors is None else _without_reporters(state, frame, plan.errors, years, flows)


def _without_reporters(state: State, frame: Frame, errors: Errors, years: NDArray[np.int64], flows: Flows) -> Flows:
    """World sums without the reporters that a year could lack, each with the chance of the year's missing share."""
    chance = errors.uniform("reports", (len(frame.countries),))
    world, world_base, w_all, w_agri = (v.copy() for v in (flows.world, flows.world_base, flows.w_all, flows.w_agri))
    for y in years[state.incomplete[years] > 0].tolist():
        for c in np.flatnonzero(~frame.focus).tolist():
            lost = np.flatnonzero(chance[:, c] < state.incomplete[y])
            x = np.nan_to_num(state.x[y, c])
            world[lost, y] -= x
            world_base[lost, y] -= x * np.nan_to_num(state.on_base[y, c])
            w_all[lost, y] -= np.nan_to_num(state.x_all[y, c])
            w_agri[lost, y] -= np.nan_to_num(state.x_agri[y, c])
    return replace(flows, world=world, world_base=world_base, w_all=w_all, w_agri=w_agri)


def _of_draws(flows: Flows, draws: NDArray[np.int64]) -> Flows:
    drawn = ("x", "x_all", "x_agri", "world", "world_base", "w_all", "w_agri")
    return replace(flows, **{name: getattr(flows, name)[draws] for name in drawn})


def _demand_shift(state: State, flows: Flows, span: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Floats:
    """Change [d, h] of the growth of world exports per year that drawn exports and reports make."""
    now, before = (ln(divide(_of_rows(flows.world, rows), _of_rows(state.world[None], rows))) for rows in span)
    return np.nan_to_num(now - before) / max(len(span[0]), 1)


def _of_rows(world: Floats, rows: NDArray[np.int64]) -> Floats:
    total = np.zeros((world.shape[0], world.shape[2]))
    for y in rows.tolist():
        for s in range(world.shape[3]):
            total = total + np.nan_to_num(world[:, y, :, s])
    return total


def _farm_errors(state: State, plan: Plan, span: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Floats | None:
    """Mean factor [now or before, draw, f, h] on the output of the published window and the one before."""
    if plan.errors is None:
        return None
    means = []
    for rows in span:
        total = np.zeros((plan.n, *state.sigma_output.shape[1:]))
        for y in rows.tolist():
            drawn = plan.errors.of_year("output", int(state.years[y]), state.sigma_output.shape[1:])
            total += np.exp(drawn * np.nan_to_num(state.sigma_output[y]))
        means.append(total / len(rows) if len(rows) else total + 1)
    return np.stack(means)


def _farms(
    source: Source,
    countries: Flags,
    spans: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    option: int,
    base: Floats,
    errors: Floats | None,
) -> dict[str, Floats]:
    """Output indicators [d, c, h] under a choice of window: the published value moved by what the choice changes."""
    state, index = source.state, source.index
    gpv, share = state.gpv[:, countries], state.gpv_share[:, countries]
    output = state.output_t[:, countries]

    def of_country(rows: NDArray[np.int64]) -> Floats:
        return divide(np.nansum(gpv[rows], axis=0), np.nansum(divide(gpv, share)[rows], axis=0))

    def of_world(rows: NDArray[np.int64]) -> Floats:
        return divide(
            np.nansum(state.world_gpv_share[rows], axis=0), (~np.isnan(state.world_gpv_share[rows])).sum(axis=0)
        )

    def rate(now: NDArray[np.int64], before: NDArray[np.int64]) -> Floats:
        if not len(now) or not len(before):
            return np.full(output.shape[1:], np.nan)
        recent, earlier = (
            divide(known_sum(output[r], axis=0), (~np.isnan(output[r])).sum(axis=0)) for r in (now, before)
        )
        return ln(divide(recent, earlier)) / (now.mean() - before.mean())

    (now, before), (first_now, first_before) = spans[option], spans[0]
    moved = _or(divide(of_country(now), of_country(first_now)), 1.0)
    moved_world = _or(divide(of_world(now), of_world(first_now)), 1.0)
    own = (base[..., index.column("gpv_share")] / PERCENT * moved)[None]
    plq = (base[..., index.column("plq")] * moved / moved_world)[None]
    growth = (
        base[..., index.column("growth_production")] + _or(rate(now, before) - rate(first_now, first_before), 0.0)
    )[None]
    if errors is not None:
        weighed = np.nan_to_num(own) * errors[0]
        left = 1 - np.nan_to_num(own).sum(axis=-1, keepdims=True)
        drawn = divide(own * errors[0], weighed.sum(axis=-1, keepdims=True) + left)
        plq = plq * _or(divide(drawn, own), 1.0)
        own, growth = drawn, growth + np.log(errors[0] / errors[1]) / max(len(first_now), 1)
    return {"gpv_share": PERCENT * own, "plq": plq, "growth_production": growth}


def _with_noise(source: Source, errors: Errors, raw: Floats, rows: NDArray[np.int64]) -> Floats:
    """Raw values with the error of their statistics, for indicators that are not computed anew."""
    state, focus = source.state, source.frame.focus
    x = np.nan_to_num(state.x[rows][:, focus])
    trade_sigma = divide(np.sqrt(((x * state.sigma[rows]).sum(axis=0) ** 2).sum(axis=-1)), x.sum(axis=(0, 3)))
    sigma = {
        "trade": _or(trade_sigma, source.method["sigma_trade"]),
        "production": np.nan_to_num(state.sigma_output[rows[-1]]),
    }
    for i, line in enumerate(source.index.lines):
        if line["noise"] in ("formula", "none"):
            continue
        drawn = errors.of_year(line["indicator"], int(state.years[rows[-1]]), trade_sigma.shape) * sigma[line["basis"]]
        if line["noise"] == "factor":
            raw[..., i] *= np.exp(drawn)
        elif line["noise"] == "growth":
            raw[..., i] += PERCENT * drawn * np.sqrt(2) / len(rows)
        else:
            odds = raw[..., i] * np.exp(drawn)
            raw[..., i] = divide(odds, odds + 1 - raw[..., i])
    return raw


def _or(values: Floats, default: float) -> Floats:
    return np.where(np.isnan(values), default, values)
