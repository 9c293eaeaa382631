"""What each customs service of the sample world wrote down: annual reports by reporter, partner, flow and good.

Derived from the world's true flows (FOB) and nothing else. An exporter sees the true value with its own noise; an
importer sees it with freight and insurance on top, its own noise, and, where planted, only a part. Reports that
touch none of the four focus economies are kept as one remainder per reporter and year. Editions, confidential
lines, totals and months come later (``comtrade_rows``, ``comtrade_months``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from agrocluster.sample.comtrade_tables import fractions, plants, reporters, tau_parameters
from agrocluster.sample.noise import normal, uniform
from agrocluster.sample.tables import YEARS, economies, goods
from agrocluster.sample.trade import flows, kilometres

MILLI = 1000
"""Values are whole thousandths of a dollar: every sum of them is exact, and fits a double as it is served."""
# Small flows escape; what is worth more than this is always written down.
_ALWAYS_SEEN = 2_000_000


@dataclass(frozen=True)
class Reports:
    """One entry per reported line; indices into economies, goods and years. Money in thousandths of a dollar."""

    reporter: np.ndarray
    partner: np.ndarray
    good: np.ndarray
    year: np.ndarray
    flow: np.ndarray  # "X" or "M", or a sub-flow
    value: np.ndarray
    fob: np.ndarray  # -1 where not given
    cif: np.ndarray  # -1 where not given
    kg: np.ndarray  # thousandths of a kilogram; -1 where not given
    estimated: np.ndarray

    def take(self, which: np.ndarray) -> Reports:
        return Reports(*(part[which] for part in vars(self).values()))


def joined(parts: list[Reports]) -> Reports:
    return Reports(*(np.concatenate(group) for group in zip(*(vars(part).values() for part in parts), strict=True)))


@cache
def _neighbours() -> np.ndarray:
    world = economies()
    near = np.zeros((len(world), len(world)), bool)
    for i, text in enumerate(reporters().text["neighbours"]):
        for iso3 in str(text).split():
            near[i, world.index(iso3)] = near[world.index(iso3), i] = True
    return near


def log_tau(exporter: np.ndarray, importer: np.ndarray, good: np.ndarray, year: np.ndarray) -> np.ndarray:
    """ln(1 + tau) of each flow from the planted parameters: distance, border, landlocked sides, unit value, year."""
    p = tau_parameters()
    far = np.log(kilometres()[exporter, importer] / 1000)
    inland = reporters().number["landlocked"]
    found = p["constant"] + p["ln_distance"] * far + p["ln_distance_squared"] * far**2
    found += p["contiguous"] * _neighbours()[exporter, importer]
    found += p["landlocked"] * (inland[exporter] + inland[importer])
    found += p["ln_unit_value"] * np.log(goods().usd_per_kg)[good] + p["year"] * (YEARS[year] - 2018)
    return np.clip(found, 0, np.log1p(p["cap"]))


def _seen(side: str, reporter: np.ndarray, partner: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Which flows reach the books at all: planted blind spots, and small flows at random."""
    flow = flows()
    draw = uniform(f"comtrade unseen {side}", len(usd))
    seen = (usd >= _ALWAYS_SEEN) | (draw >= reporters().number["unseen"][reporter])
    for plant in plants("unseen"):
        if plant.flow == side:
            mine = (reporter == plant.reporter_index) & np.isin(partner, plant.partner_indices)
            seen &= ~(mine & plant.goods()[flow.good] & np.isin(YEARS[flow.year], plant.years))
    return seen


def _weights(
    side: str, reporter: np.ndarray, kg: np.ndarray, usd: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Net weight in grams as reported, -1 where absent, and whether it is an estimate."""
    quality = reporters().number
    noise = np.exp(0.03 * normal(f"comtrade weight {side}", len(kg)))
    absent = (kg < 0) | (uniform(f"comtrade no weight {side}", len(kg)) < quality["no_weight"][reporter])
    guess = ~absent & (uniform(f"comtrade estimated {side}", len(kg)) < quality["estimated"][reporter])
    grams = np.where(guess, usd / goods().usd_per_kg[good], np.maximum(kg, 0) * noise) * MILLI
    return np.where(absent, -1, np.maximum(np.round(grams), 1)).astype(np.int64), guess


def _pin_planted(side: str, reporter: np.ndarray, partner: np.ndarray, value: np.ndarray, fob: np.ndarray) -> None:
    """Scale pairs with a planted fraction in place, so that the noise of single lines leaves their sums alone.

    The yearly imports of the pair (CIF) become the planted share of what truly left the partner (FOB), and the
    partner's exports become what truly left it.
    """
    flow = flows()
    for (iso3, of, other), share in fractions().items():
        pair = (economies().index(iso3), economies().index(other))
        here, there = pair if side == of else pair[::-1]
        mine = (reporter == here) & (partner == there)
        year = flow.year[mine]
        true, noisy = (np.bincount(year, part[mine], len(YEARS)) for part in (flow.usd, value))
        wanted = true * (share if side == of else 1)
        factor = np.divide(wanted, noisy, out=np.ones(len(YEARS)), where=noisy > 0)
        value[mine] *= factor[year]
        fob[mine] *= factor[year]


def _side(side: str) -> tuple[Reports, Reports]:
    """What one kind of reporter writes down and what it overlooks: ``X`` the exporters, ``M`` the importers."""
    flow, book = flows(), reporters()
    reporter, partner = (flow.exporter, flow.importer) if side == "X" else (flow.importer, flow.exporter)
    usd = flow.usd.astype(float)
    value = usd * np.exp(book.sigma(side)[reporter, flow.year] * normal(f"comtrade {side}", len(usd)))
    fob = value.copy()
    if side == "M":
        value *= np.exp(log_tau(flow.exporter, flow.importer, flow.good, flow.year))
    _pin_planted(side, reporter, partner, value, fob)
    kg, estimated = _weights(side, reporter, flow.kg, usd, flow.good)
    value, fob = (np.maximum(np.round(part * MILLI), 1).astype(np.int64) for part in (value, fob))
    if side == "X":
        cif = np.full(len(value), -1)
    else:
        kind = book.text["valuation"][reporter]
        # Who values imports FOB publishes no CIF value, and its primary value is the FOB one.
        value = np.where(kind == "fob", fob, value)
        cif, fob = np.where(kind == "fob", -1, value), np.where(kind == "cif", -1, fob)
    letter = np.full(len(value), side, "U2")
    every = Reports(reporter, partner, flow.good, flow.year, letter, value, fob, cif, kg, estimated)
    seen, sent = _seen(side, reporter, partner, usd), book.annual[reporter, flow.year]
    return every.take(seen & sent), every.take(~seen & sent)


def _transit(exports: Reports) -> list[Reports]:
    """Goods that only pass through: bought from one partner, and sold on at the same price, in both books."""
    found, book = [], reporters()
    for plant in plants("transit"):
        through, source = plant.reporter_index, plant.partner_indices[0]
        sold = exports.take((exports.reporter == through) & plant.goods()[exports.good])
        key = sold.good * len(YEARS) + sold.year
        cells, at = np.unique(key, return_inverse=True)
        value = np.round(np.bincount(at, sold.value) * plant.number).astype(np.int64)
        weighed = np.bincount(at, np.where(sold.kg > 0, sold.value, 0))
        # Lines without a weight take the unit value of the others.
        per_value = np.divide(
            np.bincount(at, np.maximum(sold.kg, 0)), weighed, out=np.zeros(len(cells)), where=weighed > 0
        )
        kg = np.round(value * per_value).astype(np.int64)
        good, year = cells // len(YEARS), cells % len(YEARS)
        for reporter, partner, side in ((source, through, "X"), (through, source, "M")):
            size = len(cells)
            part = Reports(
                np.full(size, reporter),
                np.full(size, partner),
                good,
                year,
                np.full(size, side, "U2"),
                value,
                value,
                np.full(size, -1) if side == "X" else value,
                np.where(kg > 0, kg, -1),
                np.zeros(size, bool),
            )
            found.append(part.take(book.annual[reporter, year]))
    return found


def _subflows(every: Reports) -> list[Reports]:
    """Re-exports, re-imports and the like: parts of the flow that are reported once more under a code of their own."""
    found = []
    for plant in plants("subflow"):
        parent = plant.flow[-1]
        mine = (every.reporter == plant.reporter_index) & (every.flow == parent) & plant.goods()[every.good]
        mine &= np.isin(YEARS[every.year], plant.years)
        if plant.partners:
            mine &= np.isin(every.partner, plant.partner_indices)
        part = every.take(mine)

        def scaled(amount: np.ndarray, share: float = plant.number) -> np.ndarray:
            return np.where(amount < 0, -1, np.maximum(np.round(amount * share), 1)).astype(np.int64)

        money = (scaled(part.value), scaled(part.fob), scaled(part.cif), scaled(part.kg))
        flow = np.full(len(part.value), plant.flow, "U2")
        found.append(Reports(part.reporter, part.partner, part.good, part.year, flow, *money, part.estimated))
    return found


@dataclass(frozen=True)
class Books:
    """Lines that touch the four, and what the others report besides, by flow, economies and years."""

    lines: Reports
    transit: Reports  # the part of the lines that only passes through
    remainder: dict[str, np.ndarray]
    overlooked: Reports  # what no return shows although the reporter sent one


def _touching(every: Reports) -> np.ndarray:
    four = economies().four
    return np.asarray(np.isin(every.reporter, four) | np.isin(every.partner, four))


@cache
def books() -> Books:
    kept, overlooked, remainder = [], [], {}
    for side in ("X", "M"):
        written, missed = _side(side)
        rest = written.take(~_touching(written))
        cells = np.bincount(rest.reporter * len(YEARS) + rest.year, rest.value, len(economies()) * len(YEARS))
        remainder[side] = np.round(cells).astype(np.int64).reshape(len(economies()), len(YEARS))
        kept.append(written.take(_touching(written)))
        overlooked.append(missed.take(_touching(missed)))
    transit = joined(_transit(kept[0]))
    lines = joined([*kept, transit])
    return Books(joined([lines, *_subflows(lines)]), transit, remainder, joined(overlooked))


def edition_of_books(vintage: str) -> Reports:
    """The lines as one vintage of the service has them: the older one lacks and differs where planted."""
    every = books().lines
    if vintage == "current":
        return every
    factor, keep = np.ones(len(every.value)), np.ones(len(every.value), bool)
    for plant in plants("revision", "new"):
        mine = (every.reporter == plant.reporter_index) & np.isin(YEARS[every.year], plant.years)
        if plant.kind == "new":
            keep &= ~mine
            continue
        mine &= np.char.endswith(every.flow, plant.flow) & plant.goods()[every.good]
        if plant.partners:
            mine &= np.isin(every.partner, plant.partner_indices)
        factor[mine] = plant.number
    keep &= factor > 0

    def changed(amount: np.ndarray) -> np.ndarray:
        return np.where((amount < 0) | (factor == 1), amount, np.maximum(np.round(amount * factor), 1)).astype(np.int64)

    money = {name: changed(getattr(every, name)) for name in ("value", "fob", "cif")}
    return replace(every, **money).take(keep)
