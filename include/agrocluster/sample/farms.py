"""Farm production of the sample world: crops, herds and what comes from them, in tonnes, hectares and heads.

Output follows the same affinities as trade. For the four economies the series pass through the published
figures; yields of planted items stand in a known relation to the reference of the peer panel. The module
holds quantities only; FAOSTAT's elements, units, flags and area groups are put on in ``faostat_facts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from agrocluster.sample.affinity import farm_affinity
from agrocluster.sample.noise import normal, walk
from agrocluster.sample.planted import plants
from agrocluster.sample.tables import DATA, FOUR, YEARS, crosswalk, economies, note_of, rows, through_published

_STOCK_KINDS = ("stock", "stock1000", "hives")
_TREND = {"crop": 0.012, "stock": 0.008, "stock1000": 0.015, "hives": 0.01}


@dataclass(frozen=True)
class Item:
    code: str
    label: str
    cpc: str
    kind: str
    parent: str
    world: float
    level: float  # yield: kg per hectare or per animal
    price: float
    fbs: str
    chain: str
    domains: frozenset[str]

    @property
    def element(self) -> str:
        return {"stock": "5111", "stock1000": "5112", "hives": "5114"}.get(self.kind, "5510")


@cache
def items() -> dict[str, Item]:
    known = {row["code"]: row for row in crosswalk("FAO")}
    found = {}
    for row in rows(DATA / "farm_items.csv"):
        code = row["item_code"]
        match = known.get(code, {"label": row["item"], "chain": "", "note": ""})
        note = note_of(match)
        everywhere = "QCL+TCL+PP+QV" if row["price"] else "QCL+TCL"
        found[code] = Item(
            code,
            match["label"],
            note.get("cpc", row["cpc"]),
            row["kind"],
            row["parent"],
            float(row["world"]),
            float(row["yield"] or 0),
            float(row["price"] or 0),
            row["fbs"],
            match["chain"],
            frozenset(note.get("domains", everywhere).split("+")),
        )
    return found


@dataclass(frozen=True)
class Farms:
    """Per item an array of economies by years; rates exist where a rate makes sense."""

    output: dict[str, np.ndarray]
    rate: dict[str, np.ndarray]  # kg per hectare, or kg per producing animal


def _size() -> np.ndarray:
    world = economies()
    return world.number["pop_m"] ** 0.55 * world.number["agland_mha"] ** 0.4


def _share(item: Item, done: dict[str, np.ndarray]) -> np.ndarray:
    if item.parent:
        drive = done[item.parent].mean(axis=1) * np.exp(0.15 * normal(f"share {item.code}", len(economies())))
    else:
        drive = _size() * farm_affinity(item.chain) * np.exp(0.5 * normal(f"share {item.code}", len(economies())))
        for plant in (plant for plant in plants("output", "QCL") if plant.code == item.code):
            drive[economies().index(plant.iso3)] *= float(plant.value)
    return drive / drive.sum()


def _output(item: Item, done: dict[str, np.ndarray]) -> np.ndarray:
    thousand = 1.0 if item.kind in _STOCK_KINDS else 1e3  # stocks are given in thousand head, output in kt
    head = 1e3 if item.kind in _STOCK_KINDS else 1.0
    if item.kind == "stock1000":
        head = 1.0
    level = item.world * thousand * head * _share(item, done)
    growth = np.exp(_TREND.get(item.kind, 0.012) * (YEARS - 2018))
    weather = {"crop": 0.10}.get(item.kind, 0.025)
    series = level[:, None] * growth * np.exp(weather * walk(f"output {item.code}", len(level), len(YEARS), keep=0.4))
    series[level < (50 if thousand > 1 else 500 if head > 1 else 5)] = 0
    for iso3 in FOUR:
        i = economies().index(iso3)
        base = series[i] if series[i].any() else level[i] * growth
        series[i] = through_published(base, "qcl", item.code, iso3, item.element)
    decimals = 0 if item.kind in _STOCK_KINDS else 2
    return np.round(series, decimals)


def _rate(item: Item) -> np.ndarray:
    world = economies()
    wealth = (world.number["gdp_bn"] / world.number["pop_m"] / 12) ** 0.12
    base = item.level * wealth * np.exp(0.22 * normal(f"yield {item.code}", len(world)))
    swing = 0.08 if item.kind == "crop" else 0.015
    return base[:, None] * np.exp(0.01 * (YEARS - 2018) + swing * walk(f"yield {item.code}", len(world), len(YEARS)))


def peer_reference(rate: np.ndarray, output: np.ndarray, *, without: int | None = None) -> float:
    """P90 among the agro-climatic peers of the mean yield of the last five years."""
    peer = (economies().number["peer"] == 1) & (output[:, -5:] > 0).all(axis=1)
    if without is not None:
        peer[without] = False
    return float(np.quantile(rate[peer, -5:].mean(axis=1), 0.9))


def _plant_yields(rate: dict[str, np.ndarray], output: dict[str, np.ndarray]) -> None:
    aims = {}
    for plant in plants("yield_ratio", "QCL"):
        i = economies().index(plant.iso3)
        aims[plant.code, i] = float(plant.value) * peer_reference(rate[plant.code], output[plant.code], without=i)
    for (code, i), aim in aims.items():
        rate[code][i] *= aim / rate[code][i, -5:].mean()


@cache
def farms() -> Farms:
    output: dict[str, np.ndarray] = {}
    for code, item in items().items():
        if item.parent and item.parent not in output:
            raise ValueError(f"farm_items.csv: {code} stands before its parent {item.parent}")
        output[code] = _output(item, output)
    rate = {code: _rate(item) for code, item in items().items() if item.level}
    _plant_yields(rate, output)
    return Farms(output, rate)
