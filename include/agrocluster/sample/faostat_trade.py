"""Trade and food balances as FAOSTAT publishes them, drawn from the same flows as the CEPII file.

Trade totals are the sums of the bilateral flows, shared out between the FAO items an HS code stands for.
Food balances balance: production plus imports minus exports and the change of stocks is domestic supply, and
domestic supply is the sum of its uses. The sign of the stock change flips at 2014, as it did in the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from agrocluster.sample.blocks import Block, facts, published, with_groups
from agrocluster.sample.farms import farms, items
from agrocluster.sample.macro import population
from agrocluster.sample.noise import normal
from agrocluster.sample.tables import FOUR, YEARS, calibration, crosswalk, economies, goods, note_of
from agrocluster.sample.trade import flows

# Stock variation is added to supply up to this year, subtracted afterwards.
LAST_ADDED_YEAR = 2013
_CIF = 1.06
# Processed items that count into a food balance, in tonnes of the primary product.
_EQUIVALENT = {
    "16": ("2511", 1.33),
    "18": ("2511", 1.3),
    "29": ("2807", 1.5),
    "31": ("2807", 1.5),
    "391": ("2601", 6.0),
    "561": ("2620", 4.0),
    "870": ("2731", 1.3),
    "897": ("2848", 7.6),
    "898": ("2848", 7.6),
    "901": ("2848", 4.4),
    "231": ("2551", 1.7),
    "232": ("2551", 2.0),
}
_USES = (
    ("5521", "Feed"),
    ("5527", "Seed"),
    ("5123", "Losses"),
    ("5131", "Processing"),
    ("5154", "Other uses (non-food)"),
)
_PATTERN = {
    "cereal": (0.45, 0.05, 0.04, 0.03, 0.05),
    "oil": (0.05, 0.03, 0.03, 0.80, 0.02),
    "milk": (0.10, 0.00, 0.02, 0.20, 0.01),
    "fresh": (0.04, 0.02, 0.09, 0.08, 0.01),
    "food": (0.00, 0.00, 0.02, 0.02, 0.05),
}
_CEREAL = ("2511", "2513", "2514", "2516", "2807")
_OILCROP = ("2555", "2557", "2558", "2559", "2561", "2570")
_FRESH = ("2601", "2602", "2605", "2531", "2617", "2620", "2625", "2546", "2547", "2549", "2551")


def _cube(weight: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Goods by economies by years, from the flows."""
    flow, size = flows(), (len(goods()), len(economies()), len(YEARS))
    flat = np.bincount((flow.good * size[1] + side) * size[2] + flow.year, weight, int(np.prod(size)))
    return flat.reshape(size)


@cache
def _cubes() -> dict[str, np.ndarray]:
    flow = flows()
    kg = np.maximum(flow.kg, 0).astype(float)
    return {
        "5910": _cube(kg, flow.exporter) / 1e3,
        "5922": _cube(flow.usd.astype(float), flow.exporter) / 1e3,
        "5610": _cube(kg, flow.importer) / 1e3,
        "5622": _cube(flow.usd.astype(float), flow.importer) * _CIF / 1e3,
    }


@cache
def _links() -> dict[str, np.ndarray]:
    """FAO item to a weight per good; an HS code that stands for several items is split evenly."""
    known = {code: k for k, code in enumerate(goods().code)}
    wanted = {}
    for row in crosswalk("FAO"):
        note = note_of(row)
        codes = [c for c in note.get("fao_hs12", "").split("+") if c in known]
        if "TCL" in note.get("domains", "").split("+") and codes:
            wanted[row["code"]] = np.bincount([known[c] for c in codes], minlength=len(known)).astype(float)
    claims = np.maximum(np.sum(list(wanted.values()), axis=0), 1)
    return {item: weight / claims for item, weight in wanted.items()}


def item_trade(item: str, element: str) -> np.ndarray:
    weight = _links()[item]
    used = weight > 0
    return (weight[used, None, None] * _cubes()[element][used]).sum(axis=0)


_TRADE_LABELS = {
    "5610": ("Import quantity", "t"),
    "5622": ("Import value", "1000 USD"),
    "5910": ("Export quantity", "t"),
    "5922": ("Export value", "1000 USD"),
}


def _trade_blocks() -> Iterator[Block]:
    labels = {row["code"]: (row["label"], note_of(row).get("cpc", "")) for row in crosswalk("FAO")}
    for item in _links():
        label, cpc = labels[item]
        for element, (name, unit) in _TRADE_LABELS.items():
            values = published(with_groups(np.round(item_trade(item, element), 2)))
            yield Block(item, label, cpc, element, name, unit, values)


@cache
def trade_totals() -> pa.Table:
    return facts("TCL", _trade_blocks())


@cache
def _balance_members() -> dict[str, list[tuple[str, float]]]:
    members: dict[str, list[tuple[str, float]]] = {}
    for code, item in items().items():
        if item.fbs:
            members.setdefault(item.fbs, []).append((code, 1.0))
    for code, (group, factor) in _EQUIVALENT.items():
        members[group].append((code, factor))
    return members


def _pattern(code: str) -> tuple[float, ...]:
    for name, codes in (("cereal", _CEREAL), ("oil", _OILCROP), ("milk", ("2848",)), ("fresh", _FRESH)):
        if code in codes:
            return _PATTERN[name]
    return _PATTERN["food"]


@cache
def balance(code: str) -> dict[str, np.ndarray]:
    """Elements of one food balance in thousand tonnes, economies by years, rounded as published."""
    members = _balance_members()[code]
    grown = [farms().output[item] for item, _ in members if item in farms().output and item not in _EQUIVALENT]
    made = np.round(np.nansum(grown, axis=0) / 1e3, 2)
    traded = [(item, factor) for item, factor in members if item in _links()]
    bought, sold = (
        np.round(np.sum([item_trade(item, side) * factor for item, factor in traded], axis=0) / 1e3, 2)
        if traded
        else np.zeros_like(made)
        for side in ("5610", "5910")
    )
    sold = np.round(np.minimum(sold, 0.8 * (made + bought)), 2)
    change = np.round(0.04 * made * normal(f"stocks {code}", *made.shape), 2)
    sign = np.where(YEARS <= LAST_ADDED_YEAR, 1.0, -1.0)
    supply = np.round(made + bought - sold + sign * change, 2)
    _publish_balance(code, made, bought, sold, change, supply)
    uses = {element: np.round(supply * part, 2) for (element, _), part in zip(_USES, _pattern(code), strict=True)}
    food = np.round(supply - np.sum(list(uses.values()), axis=0), 2)
    parts = {"5511": made, "5611": bought, "5911": sold, "5072": change, "5301": supply}
    return parts | uses | {"5142": food}


def _publish_balance(
    code: str, made: np.ndarray, bought: np.ndarray, sold: np.ndarray, change: np.ndarray, supply: np.ndarray
) -> None:
    """Put the published balances in place; the change of stocks is what closes them."""
    for iso3 in FOUR:
        i = economies().index(iso3)
        for element, array in (("5511", made), ("5611", bought), ("5911", sold), ("5301", supply)):
            for year, value in calibration().get(("fbs", code, element, iso3), {}).items():
                array[i, year == YEARS] = value
        for year in calibration().get(("fbs", code, "5301", iso3), {}):
            t = year == YEARS
            change[i, t] = np.round(made[i, t] + bought[i, t] - sold[i, t] - supply[i, t], 2)


_BALANCE_LABELS = {
    "5511": "Production",
    "5611": "Import quantity",
    "5911": "Export quantity",
    "5072": "Stock Variation",
    "5301": "Domestic supply quantity",
    **dict(_USES),
    "5142": "Food",
}
_BALANCE_NAMES = {"2733": "Pigmeat"}


def balance_codes() -> list[str]:
    return sorted(_balance_members())


def _balance_blocks() -> Iterator[Block]:
    names = {row["code"]: row["label"] for row in crosswalk("FAO")} | _BALANCE_NAMES
    people = np.round(population() / 1e3)
    yield Block("2501", "Population", "S2501", "511", "Total Population - Both sexes", "1000 No", with_groups(people))
    for code in balance_codes():
        parts = balance(code)
        there = (parts["5511"] + parts["5611"]) > 0
        for element, label in _BALANCE_LABELS.items():
            values = with_groups(np.where(there, parts[element], np.nan))
            values[len(economies()) :][values[len(economies()) :] == 0] = np.nan
            yield Block(code, names[code], f"S{code}", element, label, "1000 t", values)
        eaten = np.where(there, parts["5142"] * 1e6 / population(), np.nan)
        label = "Food supply quantity (kg/capita/yr)"
        yield Block(code, names[code], f"S{code}", "645", label, "kg/cap", with_groups(eaten, population()))


@cache
def food_balances() -> pa.Table:
    return facts("FBS", _balance_blocks())
