"""Farm statistics as FAOSTAT publishes them: production, its value, prices, land and livestock density.

Elements and units are as awkward as the original: yields in kg/ha, kg/An, 100 g/An, 0.1 g/An and 100 mg/An,
poultry in thousand head and cattle in heads. Nothing is converted for the reader's comfort.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from agrocluster.sample.blocks import Block, facts, published, with_groups
from agrocluster.sample.farms import Item, farms, items
from agrocluster.sample.macro import exchange_rate
from agrocluster.sample.noise import normal, uniform, walk
from agrocluster.sample.tables import DATA, FOUR, YEARS, economies, rows, through_published

_T = "t"
# kind: (animals element, label, unit, heads per unit), (yield element, label, unit, units per kg)
_RATES = {
    "crop": (("5312", "Area harvested", "ha", 1), ("5412", "Yield", "kg/ha", 1)),
    "meat": (("5320", "Producing Animals/Slaughtered", "An", 1), ("5417", "Yield/Carcass Weight", "kg/An", 1)),
    "meat1000": (
        ("5321", "Producing Animals/Slaughtered", "1000 An", 1000),
        ("5424", "Yield/Carcass Weight", "0.1 g/An", 10_000),
    ),
    "milk": (("5318", "Milk Animals", "An", 1), ("5420", "Yield", "100 g/An", 10)),
    "eggs": (("5313", "Laying", "1000 An", 1000), ("5410", "Yield", "100 mg/An", 10_000)),
}
_STOCKS = {"5111": ("Stocks", "An"), "5112": ("Stocks", "1000 An"), "5114": ("Stocks", "No")}
_VALUE = {
    "152": ("Gross Production Value (constant 2014-2016 thousand I$)", "1000 Int$"),
    "57": ("Gross Production Value (current thousand US$)", "1000 USD"),
    "55": ("Gross Production Value (current thousand SLC)", "1000 SLC"),
}
_LSU = {"866": 0.65, "946": 0.70, "976": 0.10, "1016": 0.10, "1034": 0.25, "1096": 0.65, "1126": 0.75, "1057": 0.01}


def _block(item: Item, element: str, label: str, unit: str, values: np.ndarray) -> Block:
    return Block(item.code, item.label, item.cpc, element, label, unit, values)


def _rated(item: Item) -> Iterator[Block]:
    """Area or animals, yield and production of one item; the yield is what the published parts give."""
    (count_code, count_label, count_unit, per), (rate_code, rate_label, rate_unit, scale) = _RATES[item.kind]
    tonnes = farms().output[item.code]
    rate = farms().rate[item.code]
    count = np.maximum(np.round(tonnes * 1000 / rate / per), np.where(tonnes > 0, 1, 0))
    grouped, grouped_count = with_groups(tonnes), with_groups(count)
    made = np.divide(grouped * 1000, grouped_count * per, out=np.zeros_like(grouped), where=grouped_count > 0)
    yield _block(item, count_code, count_label, count_unit, published(grouped_count))
    yield _block(item, rate_code, rate_label, rate_unit, published(np.round(made * scale, 1)))
    if item.kind == "eggs":
        yield _block(item, "5513", "Production", "1000 No", published(np.round(grouped / 0.055)))
    yield _block(item, "5510", "Production", _T, published(grouped))


def _plain(item: Item) -> Iterator[Block]:
    if item.element == "5510":
        yield _block(item, "5510", "Production", _T, published(with_groups(farms().output[item.code])))
    else:
        label, unit = _STOCKS[item.element]
        yield _block(item, item.element, label, unit, published(with_groups(farms().output[item.code])))


def aggregates() -> Iterator[tuple[str, str, str, list[str]]]:
    for row in rows(DATA / "farm_aggregates.csv"):
        yield row["item_code"], row["cpc"], row["item"], row["members"].split()


def _aggregate_blocks() -> Iterator[Block]:
    for code, cpc, label, members in aggregates():
        element = items()[members[0]].element
        name, unit = _STOCKS.get(element, ("Production", _T))
        total = np.nansum([farms().output[member] for member in members], axis=0)
        yield Block(code, label, cpc, element, name, unit, published(with_groups(total)))


def _production_blocks() -> Iterator[Block]:
    for item in items().values():
        if "QCL" in item.domains:
            yield from _rated(item) if item.kind in _RATES else _plain(item)
    yield from _aggregate_blocks()


@cache
def production(vintage: str = "current") -> pa.Table:
    return facts("QCL", _production_blocks(), vintage)


@cache
def dollar_price(code: str) -> np.ndarray:
    """Producer price in dollars per tonne, economies by years; through the published ones."""
    item, world = items()[code], economies()
    level = item.price * np.exp(0.18 * normal(f"farm price {code}", len(world)))
    price = level[:, None] * np.exp(0.10 * walk(f"farm price {code}", 1, len(YEARS)) + 0.02 * (YEARS - 2018))
    price *= np.exp(0.05 * walk(f"farm price by economy {code}", len(world), len(YEARS)))
    for iso3 in FOUR:
        i = world.index(iso3)
        price[i] = through_published(price[i], "pp", code, iso3, "5532")
    return np.round(price, 2)


def _value_of(code: str, element: str) -> np.ndarray:
    output = farms().output[code]
    if element == "152":
        return output * items()[code].price * 1.1 / 1000
    current = output * dollar_price(code) / 1000
    return current if element == "57" else current * exchange_rate()


def _value_blocks() -> Iterator[Block]:
    valued = [item for item in items().values() if "QV" in item.domains]
    sums = [(c, p, n, [m for m in ms if "QV" in items()[m].domains]) for c, p, n, ms in aggregates()]
    sums = [entry for entry in sums if entry[0] in ("1780", "1735", "1717")]
    crops = [item.code for item in valued if item.kind == "crop"]
    animals = [item.code for item in valued if item.kind != "crop"]
    sums += [("2041", "F2041", "Crops", crops), ("2044", "F2044", "Livestock", animals)]
    sums += [("2051", "F2051", "Agriculture", crops + animals)]
    for element, (label, unit) in _VALUE.items():
        by_item = {item.code: _value_of(item.code, element) for item in valued}
        for item in valued:
            yield _block(item, element, label, unit, published(with_groups(np.round(by_item[item.code]))))
        for code, cpc, name, members in sums:
            total = np.nansum([by_item[member] for member in members], axis=0)
            yield Block(code, name, cpc, element, label, unit, published(with_groups(np.round(total))))


@cache
def value_of_production() -> pa.Table:
    return facts("QV", _value_blocks(), decimals=0)


def _price_blocks() -> Iterator[Block]:
    world = economies()
    silent = np.isin(world.text["iso3"], ["AFG", "TKM", "HKG", "MAC", "SGP"])
    for item in (item for item in items().values() if "PP" in item.domains):
        sold = (farms().output[item.code] > 0) & ~silent[:, None]
        # Prices are reported for two items in three; the four always report theirs.
        reported = uniform(f"price reported {item.code}", len(world)) < 0.66
        reported[world.four] = True
        dollars = np.where(sold & reported[:, None], dollar_price(item.code), np.nan)
        local = dollars * exchange_rate()
        base = local[:, 2:5]
        base = np.nansum(base, axis=1, keepdims=True) / np.maximum((base > 0).sum(axis=1, keepdims=True), 1)
        index = 100 * local / np.where(base > 0, base, np.nan)
        yield _block(item, "5530", "Producer Price (LCU/tonne)", "LCU", local)
        yield _block(item, "5532", "Producer Price (USD/tonne)", "USD", dollars)
        yield _block(item, "5539", "Producer Price Index (2014-2016 = 100)", "", index)
        if item.code in ("15", "882"):
            yield from _monthly(item, local)


def _monthly(item: Item, local: np.ndarray) -> Iterator[Block]:
    reporters = np.isin(economies().text["iso3"], ["KAZ", "TUR", "POL"])
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    for month, name in enumerate(names, start=1):
        season = 1 + 0.04 * np.cos(2 * np.pi * (month - 3) / 12)
        values = np.where(reporters[:, None], local * season, np.nan)
        label = "Producer Price (LCU/tonne)"
        yield Block(item.code, item.label, item.cpc, "5530", label, "LCU", values, (str(7000 + month), name))


@cache
def producer_prices() -> pa.Table:
    return facts("PP", _price_blocks())


@cache
def land() -> dict[str, np.ndarray]:
    """Land use by item, in thousand hectares, economies by years."""
    world = economies()
    smooth = np.exp(0.003 * walk("land", len(world), len(YEARS), keep=0.9))
    agricultural = world.number["agland_mha"][:, None] * 1000 * smooth
    cropped = np.nansum(
        [farms().output[c] * 1000 / farms().rate[c] for c, item in items().items() if item.kind == "crop"], axis=0
    )
    arable = np.clip(cropped / 1000 * 1.05, 0.03 * agricultural, 0.8 * agricultural)
    permanent = 0.02 * agricultural
    share = np.clip(0.45 + 0.12 * normal("land share", len(world), 1), 0.15, 0.85) * np.ones(len(YEARS))
    for iso3 in FOUR:
        i = world.index(iso3)
        share[i] = through_published(100 * share[i], "wb", "AG.LND.AGRI.ZS", iso3) / 100
    total = agricultural / share
    return {
        "6600": total * 1.02,
        "6601": total,
        "6610": agricultural,
        "6620": arable + permanent,
        "6621": arable,
        "6650": permanent,
        "6655": agricultural - arable - permanent,
        "6690": arable * np.clip(0.25 + 0.2 * normal("irrigated", len(world), 1), 0.02, 0.9),
    }


_LAND_LABELS = {
    "6600": "Country area",
    "6601": "Land area",
    "6610": "Agricultural land",
    "6620": "Cropland",
    "6621": "Arable land",
    "6650": "Permanent crops",
    "6655": "Permanent meadows and pastures",
    "6690": "Land area equipped for irrigation",
}


@cache
def land_use() -> pa.Table:
    blocks = [
        Block(code, _LAND_LABELS[code], "", "5110", "Area", "1000 ha", with_groups(published(values)))
        for code, values in land().items()
    ]
    return facts("RL", blocks, decimals=3)


def _livestock_blocks() -> Iterator[Block]:
    area = with_groups(land()["6610"]) * 1000
    units = {}
    for code, factor in _LSU.items():
        heads = farms().output[code] * (1000 if items()[code].kind == "stock1000" else 1)
        units[code] = with_groups(heads * factor)
    units["1746"] = units["866"] + units["946"]
    units["1749"] = units["976"] + units["1016"]
    units["1752"] = np.sum([units[code] for code in _LSU], axis=0)
    labels = {code: items()[code].label for code in _LSU}
    labels |= {"1746": "Cattle and Buffaloes", "1749": "Sheep and Goats", "1752": "Major livestock types"}
    for code, value in units.items():
        yield Block(code, labels[code], "", "5118", "Stocks", "LSU", published(np.round(value)))
        density = published(np.round(value / area, 4))
        yield Block(code, labels[code], "", "7213", "Livestock units per agricultural land area", "LSU/ha", density)


@cache
def livestock_patterns() -> pa.Table:
    return facts("EK", _livestock_blocks(), decimals=4)
