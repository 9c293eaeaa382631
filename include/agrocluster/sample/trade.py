"""Bilateral goods trade of the sample world, in whole dollars and whole kilograms.

Integers on purpose: the wire file carries thousands with three decimals, so every sum a reader makes can be
compared exactly. Export totals and farm exports of the four economies, and their imports, pass through the
published figures of ``data/calibration.csv``; everything else is plausible noise around planted advantages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from agrocluster.sample.affinity import export_affinity
from agrocluster.sample.noise import normal, uniform, walk
from agrocluster.sample.planted import plants
from agrocluster.sample.tables import FOUR, YEARS, Economies, economies, goods, through_published

# World trade relative to 2019: the slump of 2015-16, the pandemic year, the price wave of 2021-22.
_CYCLE = np.array([0.97, 0.99, 0.99, 0.87, 0.84, 0.92, 1.02, 1.0, 0.93, 1.17, 1.32, 1.26, 1.28])
# (economy, year) whose exports are absent from the trade release altogether.
MISSING_REPORTERS = (("IRN", 2024), ("TKM", 2016))
# (exporter, code, year) whose quantities are all missing.
MISSING_QUANTITIES = (("KGZ", "040900", 2019), ("UZB", "500200", 2020))


@dataclass(frozen=True)
class Flows:
    """One entry per traded line and year; indices into economies, goods and years."""

    exporter: np.ndarray
    importer: np.ndarray
    good: np.ndarray
    year: np.ndarray
    usd: np.ndarray
    kg: np.ndarray  # -1 where the quantity is missing


def _yearly_totals(world: Economies) -> tuple[np.ndarray, np.ndarray]:
    """Goods exports and their agri-food and fibre part, economies by years, in dollars."""
    size = len(world)
    total = world.number["exports_bn"][:, None] * 1e9 * _CYCLE * np.exp(0.05 * walk("exports", size, len(YEARS)))
    share = world.number["agri_share"][:, None] * np.exp(0.04 * walk("agri share", size, len(YEARS)))
    agri = total * np.minimum(share, 0.9)
    for iso3 in FOUR:
        i = world.index(iso3)
        total[i] = 1e6 * through_published(total[i] / 1e6, "trade", "exports total", iso3)
        agri[i] = 1e6 * through_published(total[i] * share[i] / 1e6, "trade", "exports agri", iso3)
    return total, agri


def import_targets() -> tuple[np.ndarray, np.ndarray]:
    """Goods imports and their farm part for the four economies, by years, in million dollars."""
    world, total, agri = economies(), [], []
    for iso3 in FOUR:
        gdp = world.number["gdp_bn"][world.index(iso3)]
        base = 1e3 * gdp * 0.35 * _CYCLE * np.exp(0.04 * walk(f"imports {iso3}", len(YEARS)))
        total.append(through_published(base, "trade", "imports total", iso3))
        agri.append(through_published(total[-1] * 0.13, "trade", "imports agri", iso3))
    return np.array(total), np.array(agri)


def _exports() -> np.ndarray:
    """Dollar exports by economy, good and year."""
    world, products = economies(), goods()
    total, agri = _yearly_totals(world)
    textile = total * world.number["fibre_goods_share"][:, None]
    wanted = np.stack([agri, textile, total - agri - textile])
    level = products.world_usd * export_affinity(products)
    group = products.group
    for g in range(3):
        level[:, group == g] *= (wanted[g, :, 7] / level[:, group == g].sum(axis=1))[:, None]
    floor = np.full((len(world), 1), 1.5e6)
    floor[world.four] = 1.5e4
    rarely = uniform("absent", *level.shape) < 0.2
    level[(level < floor) | (rarely & (level < 10 * floor))] = 0
    price = np.exp(0.10 * walk("price", len(products), len(YEARS)))
    value = level[:, :, None] * price * np.exp(0.15 * walk("volume", *level.shape, len(YEARS)))
    for g in range(3):
        inside = value[:, group == g, :]
        value[:, group == g, :] *= (wanted[g] / np.maximum(inside.sum(axis=1), 1))[:, None, :]
    return value


@cache
def kilometres() -> np.ndarray:
    """Great-circle distances between the economies, plus 200 km to reach a border."""
    world = economies()
    lat, lon = np.radians(world.number["lat"]), np.radians(world.number["lon"])
    cosine = np.sin(lat) * np.sin(lat[:, None]) + np.cos(lat) * np.cos(lat[:, None]) * np.cos(lon - lon[:, None])
    return 6371 * np.arccos(np.clip(cosine, -1, 1)) + 200


def _partners(value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Choose for each exporter and good who buys, and in which shares."""
    world = economies()
    pull = world.number["gdp_bn"] ** 0.8 / kilometres() ** 1.2
    pull[:, world.four] *= 4  # small markets would otherwise rarely be seen
    weight = pull[:, None, :] * np.exp(1.0 * normal("partners", *value.shape[:2], len(world)))
    for plant in plants("partner", "BACI"):
        cell = (goods().chain == plant.chain) & (goods().stage == plant.stage)
        for buyer in plant.value.split():
            weight[world.index(plant.iso3), cell, world.index(buyer)] *= 20
    own = np.arange(len(world))
    weight[own, :, own] = 0
    level = value.mean(axis=2)
    count = np.clip(np.round(1 + 0.75 * (np.log10(np.maximum(level, 1)) - 5.2)), 1, 12)
    count[world.four] = np.clip(count[world.four] * 1.8 + 1, 2, 20)
    count[level <= 0] = 0
    rank = np.argsort(np.argsort(-weight, axis=2), axis=2)
    i, k, j = np.nonzero(rank < count[:, :, None])
    share = weight[i, k, j]
    cell = i * value.shape[1] + k
    return i, k, j, share / np.bincount(cell, share, value[:, :, 0].size)[cell]


def _fit_totals(flow: np.ndarray, i: np.ndarray, j: np.ndarray, agri: np.ndarray) -> None:
    """Scale lines in place until the totals of the four hold on both sides."""
    world = economies()
    total, farm = _yearly_totals(world)
    bought, bought_farm = import_targets()
    for _ in range(12):
        for row, c in enumerate(world.four):
            for mask, aim in (
                ((j == c) & agri, bought_farm[row] * 1e6),
                ((j == c) & ~agri, (bought - bought_farm)[row] * 1e6),
            ):
                flow[mask] *= aim / flow[mask].sum(axis=0)
        for c in world.four:
            for mask, aim in (((i == c) & agri, farm[c]), ((i == c) & ~agri, (total - farm)[c])):
                flow[mask] *= aim / flow[mask].sum(axis=0)


@cache
def flows() -> Flows:
    world, products = economies(), goods()
    value = _exports()
    i, k, j, share = _partners(value)
    amount = value[i, k] * share[:, None] * np.exp(0.08 * normal("line", len(i), len(YEARS)))
    _fit_totals(amount, i, j, products.agri[k])
    line, year = np.nonzero(np.round(amount) >= 1)
    keep = np.ones(len(line), dtype=bool)
    for iso3, missing in MISSING_REPORTERS:
        keep &= ~((i[line] == world.index(iso3)) & (YEARS[year] == missing))
    line, year = line[keep], year[keep]
    usd = np.round(amount[line, year]).astype(np.int64)
    price = products.usd_per_kg[k] * np.exp(0.2 * normal("unit value", len(i)))
    level = np.exp(0.06 * walk("unit value", len(products), len(YEARS)))
    kg = np.maximum(np.round(usd / (price[line] * level[k[line], year])), 1).astype(np.int64)
    gone = uniform("missing quantity", len(line)) < 0.03
    for iso3, code, when in MISSING_QUANTITIES:
        gone |= (i[line] == world.index(iso3)) & (products.code[k[line]] == code) & (YEARS[year] == when)
    kg[gone] = -1
    order = np.lexsort((products.code[k[line]], j[line], i[line], year))
    line, year = line[order], year[order]
    return Flows(i[line], j[line], k[line], year, usd[order], kg[order])


@cache
def released(vintage: str = "current") -> Flows:
    """The flows as one release carries them; the older one lacks the last year and the later corrections."""
    every = flows()
    if vintage == "current":
        return every
    usd = every.usd.copy()
    for plant in plants("revision", "BACI"):
        cell = (goods().chain == plant.chain) & (goods().stage == plant.stage)
        mine = (every.exporter == economies().index(plant.iso3)) & cell[every.good] & plant.year_mask[every.year]
        usd[mine] = np.round(usd[mine] * float(plant.value)).astype(np.int64)
    keep = (YEARS[every.year] < YEARS[-1]) & (usd > 0)
    parts = (every.exporter, every.importer, every.good, every.year, usd, every.kg)
    return Flows(*(part[keep] for part in parts))
