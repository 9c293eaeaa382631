"""Indicators of exports and output over windows of years, as mart_chain_trade and mart_chain_output state them.

The marts say them once in SQL for every country, stage and year; here they are said again over arrays, because draws
change the exports that they rest on. A test holds the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agrocluster.marts.index.state import State
from agrocluster.marts.parameters import Parameters
from agrocluster.measures import chain, specialisation
from agrocluster.measures.composite import Flags
from agrocluster.measures.safe import Floats, divide, ln


@dataclass(frozen=True)
class Flows:
    """Exports under one plan. Axes as in ``State`` with draws [d] first (1 where nothing was drawn): ``x``
    [d, y, c, h, s], ``x_all``, ``x_agri`` [d, y, c], ``world``, ``world_base`` [d, y, h, s], ``w_all``, ``w_agri``
    [d, y]; ``on_base``, ``moved`` [y, c, h, s]."""

    x: Floats
    x_all: Floats
    x_agri: Floats
    world: Floats
    world_base: Floats
    w_all: Floats
    w_agri: Floats
    on_base: Floats
    moved: Floats


@dataclass(frozen=True)
class Window:
    """Sums over the years of a window that a country is known in: ``x``, ``x_base``, ``x_moved``, ``world``,
    ``world_base`` [d, c, h, s]; ``x_all``, ``x_agri``, ``w_all``, ``w_agri`` [d, c]; ``n_years`` [c]."""

    x: Floats
    x_base: Floats
    x_moved: Floats
    world: Floats
    world_base: Floats
    x_all: Floats
    x_agri: Floats
    w_all: Floats
    w_agri: Floats
    n_years: NDArray[np.int64]


def window(flows: Flows, rows: NDArray[np.int64]) -> Window:
    """Sums over the years at ``rows``; a country counts in a year that it has exports of."""
    total: dict[str, Floats] = {}
    present: Flags = np.asarray((~np.isnan(flows.x_all)).any(axis=0))

    def add(name: str, value: Floats) -> None:
        total[name] = total[name] + value if name in total else value

    # A window before the data has no years: its sums are zeros, which one look at any year without a country gives.
    for y, counted in [(y, True) for y in rows.tolist()] or [(0, False)]:
        own = present[y] & counted
        x = np.where(own[:, None, None], np.nan_to_num(flows.x[:, y]), 0.0)
        add("x", x)
        add("x_base", x * np.nan_to_num(flows.on_base[y]))
        add("x_moved", x * np.nan_to_num(flows.moved[y]))
        add("world", own[:, None, None] * np.nan_to_num(flows.world[:, y, None]))
        add("world_base", own[:, None, None] * np.nan_to_num(flows.world_base[:, y, None]))
        for name in ("x_all", "x_agri"):
            add(name, np.where(own, np.nan_to_num(getattr(flows, name)[:, y]), 0.0))
        for name in ("w_all", "w_agri"):
            add(name, own * np.nan_to_num(getattr(flows, name)[:, y, None]))
    return Window(**total, n_years=present[rows].sum(axis=0))


def trade(
    now: Window, before: Window, state: State, method: Parameters, *, all_goods: Flags, bec: Flags
) -> dict[str, Floats]:
    """Trade indicators [d, c, h] of a window; ``all_goods`` and ``bec`` bool [d] are the choices of base and stages."""
    known = (now.n_years >= method["window_min_years"])[:, None]
    goods = all_goods[:, None, None]
    x, world = _total(now.x), _total(now.world)
    advantage = _advantage(now, state, method, goods)
    earlier = _advantage(before, state, method, goods)
    earlier = [np.where((before.n_years >= method["window_min_years"])[:, None], a, np.nan) for a in earlier]
    moved = np.where(bec[:, None, None, None], now.x_moved, 0.0)
    primary = now.x[..., 0] + moved[..., 1] + moved[..., 2]
    made, final = now.x[..., 1] - moved[..., 1], now.x[..., 2] - moved[..., 2]
    large = x >= method["min_dpr_usd"]
    rated = [~np.isnan(a) & h for a, h in zip(advantage[:-1], np.moveaxis(state.held, -1, 0), strict=True)]
    n_rated = sum(r.astype(np.int64) for r in rated)
    won = sum(((a > 1) & r).astype(np.int64) for a, r in zip(advantage[:-1], rated, strict=True))
    n_stages = state.held.sum(axis=-1)
    covered = (n_rated > 0) & (n_rated >= method["known_share_min"] * n_stages)
    of_world, own_share = now.w_all[..., None], divide(now.x_all, now.w_all)[..., None]
    found = {
        "rsca_agri": specialisation.rsca(advantage[-1]),
        "nrca_ppm": 1e6 * (divide(x, of_world) - own_share * divide(world, of_world)),
        "share_world": 100 * divide(x, world),
        "dpr": np.where(large, chain.dpr(primary, made, final), np.nan),
        "ui": np.where(large, chain.upgrading_index(primary, made, final), np.nan),
        "stage_coverage": np.where(covered, divide(won, n_rated), np.nan),
        "d_ln_rca": ln(divide(advantage[-1], np.where(earlier[-1] > 0, earlier[-1], np.nan))),
    }
    found["upgrading_room"] = 1 - found["ui"]
    return {name: np.where(known, values, np.nan) for name, values in found.items()}


def _advantage(of: Window, state: State, method: Parameters, all_goods: Flags) -> list[Floats]:
    """RCA [d, c, h] of each stage and of the total, on the base that speaks for it or on all goods."""
    parts = []
    for s in (*range(of.x.shape[-1]), None):
        pick = _total if s is None else (lambda values, s=s: values[..., s])
        x, base, world, world_base = (pick(v) for v in (of.x, of.x_base, of.world, of.world_base))
        world_min, country_min = method["thin_market_world_usd"], method["thin_market_country_usd"]
        thin = specialisation.thin_market(x, world, world_min=world_min, country_min=country_min)
        thin_base = thin | specialisation.thin_market(base, world_base, world_min=world_min, country_min=country_min)
        on_all = _ratio(x, of.x_all, world, of.w_all, ~thin)
        on_base = _ratio(base, of.x_agri, world_base, of.w_agri, ~thin_base)
        agri = state.agri[:, -1 if s is None else s]
        parts.append(np.where(agri & ~all_goods, on_base, on_all))
    return parts


def _ratio(x: Floats, x_all: Floats, world: Floats, w_all: Floats, keep: Flags) -> Floats:
    share = divide(x, x_all[..., None])
    of_world = divide(world, w_all[..., None])
    return np.where(keep, divide(share, of_world), np.nan)


def _total(values: Floats) -> Floats:
    return values[..., 0] + values[..., 1] + values[..., 2]
