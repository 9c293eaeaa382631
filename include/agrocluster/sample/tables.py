"""Read the small tables the sample world is made of.

The world is drawn from data that people can read and correct: economies, goods, farm items, planted
specialisations and published figures live in ``data/*.csv``, the value-chain crosswalk in the catalogue.
This module only reads them. It knows nothing of wire formats, and nothing of the pipeline: the sample
must stay an independent witness.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LABEL = "SAMPLE DATA - NOT REAL STATISTICS"
YEARS = np.arange(2012, 2025)
FOUR = ("KAZ", "KGZ", "TJK", "UZB")
DATA = Path(__file__).parent / "data"
CROSSWALK = Path(__file__).parent.parent / "catalog" / "value_chains" / "crosswalk.csv"

# Agri-food and fibre: the second base of the specialisation indices (WTO agreement set, approximately).
_FIBRE_HEADINGS: tuple[str, ...] = ("4101", "4102", "4103", "4301", "5001", "5002", "5003", "5101", "5102", "5103")
_FIBRE_HEADINGS += ("5201", "5202", "5203", "5301", "5302")


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


@dataclass(frozen=True)
class Economies:
    """Columns of ``economies.csv`` as arrays; the row number is the economy's index everywhere."""

    text: dict[str, np.ndarray]
    number: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.text["iso3"])

    def index(self, iso3: str) -> int:
        return int(np.flatnonzero(self.text["iso3"] == iso3)[0])

    @property
    def four(self) -> list[int]:
        return [self.index(iso3) for iso3 in FOUR]


@dataclass(frozen=True)
class Goods:
    """Every HS 2012 code of the world: those of the crosswalk plus the rest of trade by chapter."""

    code: np.ndarray
    label: np.ndarray
    chain: np.ndarray  # empty for goods that belong to no chain, or are shared between chains
    stage: np.ndarray
    world_usd: np.ndarray
    usd_per_kg: np.ndarray
    agri: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    @property
    def group(self) -> np.ndarray:
        """0 agri-food and fibre, 1 leather, textiles and apparel, 2 everything else."""
        chapter = np.array([int(code[:2]) for code in self.code])
        textile = ((chapter >= 41) & (chapter <= 43)) | ((chapter >= 50) & (chapter <= 64))
        return np.where(self.agri, 0, np.where(textile, 1, 2))


def is_agri(code: str) -> bool:
    return int(code[:2]) <= 24 or code[:4] in _FIBRE_HEADINGS


def note_of(row: dict[str, str]) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row["note"].split(";") if "=" in part)


@cache
def economies() -> Economies:
    table = list(rows(DATA / "economies.csv"))
    numeric = {"pop_m", "gdp_bn", "exports_bn", "agri_share", "fibre_goods_share", "agland_mha"}
    numeric |= {"lat", "lon", "lcu_per_usd", "peer"}
    text = {name: np.array([row[name] for row in table]) for name in table[0] if name not in numeric}
    number = {name: np.array([float(row[name]) for row in table]) for name in sorted(numeric)}
    return Economies(text, number)


@cache
def crosswalk(system: str) -> tuple[dict[str, str], ...]:
    return tuple(row for row in rows(CROSSWALK) if row["system"] == system)


def _longest_prefix(code: str, table: dict[str, Any]) -> str:
    return next(code[:size] for size in (6, 4, 2) if code[:size] in table)


def _chain_goods() -> dict[str, dict[str, str]]:
    """One entry per HS12 code; the own or dual row wins over the shared ones."""
    found: dict[str, dict[str, str]] = {}
    for row in crosswalk("HS12"):
        shared = note_of(row)["role"] == "shared"
        if shared:
            found.setdefault(row["code"], {"label": row["label"], "chain": "", "stage": ""})
        else:
            found[row["code"]] = {key: row[key] for key in ("label", "chain", "stage")}
    return found


@cache
def goods() -> Goods:
    from agrocluster.sample.noise import normal

    chain = _chain_goods()
    prefixes = {row["prefix"]: row for row in rows(DATA / "unit_values.csv")}
    other = {row["hs6"]: row for row in rows(DATA / "other_goods.csv")}
    codes = sorted([*chain, *other])
    belongs = [_longest_prefix(code, prefixes) if code in chain else code for code in codes]
    weight = np.exp(normal("goods weight", len(codes)))
    world, value = np.zeros(len(codes)), np.zeros(len(codes))
    for name in sorted(set(belongs)):
        mine = np.array([entry == name for entry in belongs])
        source = prefixes.get(name) or other[name]
        world[mine] = float(source["bn_usd"]) * 1e9 * weight[mine] / weight[mine].sum()
        value[mine] = float(source["usd_per_kg"])
    spread = np.array([0.25 if code in chain else 0.0 for code in codes])
    return Goods(
        code=np.array(codes),
        label=np.array([chain[c]["label"] if c in chain else other[c]["description"] for c in codes]),
        chain=np.array([chain[c]["chain"] if c in chain else "" for c in codes]),
        stage=np.array([chain[c]["stage"] if c in chain else "" for c in codes]),
        world_usd=world,
        usd_per_kg=value * np.exp(spread * normal("goods unit value", len(codes))),
        agri=np.array([is_agri(c) for c in codes]),
    )


@cache
def calibration() -> dict[tuple[str, str, str, str], dict[int, float]]:
    """Published figures by (series, code, element, iso3), each a year-to-value mapping."""
    found: dict[tuple[str, str, str, str], dict[int, float]] = {}
    for row in rows(DATA / "calibration.csv"):
        key = (row["series"], row["code"], row["element"], row["iso3"])
        found.setdefault(key, {})[int(row["year"])] = float(row["value"])
    return found


def through_published(base: np.ndarray, series: str, code: str, iso3: str, element: str = "") -> np.ndarray:
    """Bend one yearly series so that it passes exactly through the published figures it has, if any.

    Between two published years the correction moves geometrically; beyond the last it stays.
    """
    points = calibration().get((series, code, element, iso3))
    if not points:
        return base
    years = np.array(sorted(points))
    at = np.searchsorted(YEARS, years)
    published = np.array([points[int(year)] for year in years])
    usable = (published > 0) & (base[at] > 0)
    if not usable.any():
        return np.zeros_like(base)
    bent = base * np.exp(np.interp(YEARS, years[usable], np.log(published[usable] / base[at][usable])))
    bent[at] = published
    return bent
