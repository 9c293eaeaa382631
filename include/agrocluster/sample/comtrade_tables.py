"""The tables behind the sample customs reports: who reports, how well, in which edition, and what is planted.

Everything a reader may want to change stands in ``data/comtrade_*.csv``; this module reads it into arrays whose
rows follow ``economies()`` and ``YEARS``. It draws nothing and knows no wire format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from agrocluster.sample.tables import DATA, YEARS, economies, goods, rows

MONTH_YEARS = (2023, 2024)
"""The years that also exist by month."""
WORLD, AREAS_NES, EU = 0, 899, 97
UNSPECIFIED = "999999"


def spans(text: str) -> np.ndarray:
    """``"2012-2014 2019"`` to the numbers it names."""
    found: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return np.array(found, dtype=int)


@dataclass(frozen=True)
class Reporters:
    """Columns of ``comtrade_reporters.csv``, one row per economy in the order of ``economies()``."""

    text: dict[str, np.ndarray]
    number: dict[str, np.ndarray]
    annual: np.ndarray  # economies by YEARS, true where a return exists
    monthly: np.ndarray  # the same for months

    @property
    def code(self) -> np.ndarray:
        return self.number["code"].astype(int)

    def editions(self) -> np.ndarray:
        """Economies by years: 4 (HS 2012), 5 (HS 2017) or 6 (HS 2022)."""
        h5, h6 = self.number["h5_from"][:, None], self.number["h6_from"][:, None]
        return 4 + (h5 <= YEARS).astype(int) + (h6 <= YEARS).astype(int)

    def sigma(self, flow: str) -> np.ndarray:
        """Economies by years: standard deviation of the log reporting noise, planted periods included."""
        column = {"X": "sigma_x", "M": "sigma_m"}[flow]
        table = np.repeat(self.number[column][:, None], len(YEARS), axis=1)
        for plant in plants("sigma"):
            if plant.flow == flow:
                table[plant.reporter_index, np.isin(YEARS, plant.years)] = plant.number
        return table


@cache
def reporters() -> Reporters:
    table = list(rows(DATA / "comtrade_reporters.csv"))
    order = {row["iso3"]: row for row in table}
    listed = [order[str(iso3)] for iso3 in economies().text["iso3"]]
    numeric: tuple[str, ...] = ("code", "sigma_x", "sigma_m", "h5_from", "h6_from", "computed", "landlocked")
    numeric += ("no_weight", "estimated", "unseen")
    return Reporters(
        {name: np.array([row[name] for row in listed]) for name in table[0] if name not in numeric},
        {name: np.array([float(row[name]) for row in listed]) for name in numeric},
        np.array([np.isin(YEARS, spans(row["annual"])) for row in listed]),
        np.array([np.isin(YEARS, spans(row["monthly"])) for row in listed]),
    )


@dataclass(frozen=True)
class Plant:
    """One line of ``comtrade_planted.csv``; ``years`` are months (YYYYMM) where the kind speaks of months."""

    kind: str
    reporter: str
    flow: str
    partners: tuple[str, ...]
    prefix: str
    years: np.ndarray
    value: str
    note: str

    @property
    def number(self) -> float:
        return float(self.value)

    @property
    def reporter_index(self) -> int:
        return economies().index(self.reporter)

    @property
    def partner_indices(self) -> list[int]:
        return [economies().index(iso3) for iso3 in self.partners]

    def goods(self) -> np.ndarray:
        """True for the goods it speaks of."""
        return np.char.startswith(goods().code, self.prefix)


@cache
def _planted() -> tuple[Plant, ...]:
    return tuple(
        Plant(
            row["kind"],
            row["reporter"],
            row["flow"],
            tuple(row["partner"].split()),
            row["prefix"],
            spans(row["years"]),
            row["value"],
            row["note"],
        )
        for row in rows(DATA / "comtrade_planted.csv")
    )


def plants(*kinds: str) -> Iterator[Plant]:
    return (plant for plant in _planted() if plant.kind in kinds)


def union_members() -> list[int]:
    """Economies of the European Union, which reports once more as a group."""
    row = next(row for row in rows(DATA / "areas.csv") if row["m49"] == "097")
    return [economies().index(iso3) for iso3 in row["members"].split()]


@cache
def fractions() -> dict[tuple[str, str, str], np.ndarray]:
    """(reporter, flow, partner) to the share of the flow that the reporter's customs see, by year.

    Between two planted years the share moves geometrically; outside them it stays.
    """
    knots: dict[tuple[str, str, str], dict[int, float]] = {}
    for plant in plants("fraction"):
        knots.setdefault((plant.reporter, plant.flow, plant.partners[0]), {})[int(plant.years[0])] = plant.number
    return {
        key: np.exp(np.interp(YEARS, sorted(known), [np.log(known[year]) for year in sorted(known)]))
        for key, known in knots.items()
    }


@cache
def tau_parameters() -> dict[str, float]:
    return {row["parameter"]: float(row["value"]) for row in rows(DATA / "comtrade_tau.csv")}


@dataclass(frozen=True)
class Piece:
    """A part of a good in another edition: ``code`` takes the share from ``low`` to ``high``."""

    edition: int
    hs12: str
    code: str
    low: float
    high: float


@cache
def pieces() -> tuple[Piece, ...]:
    """The codes that editions 5 and 6 changed; what is not listed kept its code."""
    found: list[Piece] = []
    reached: dict[tuple[int, str], float] = {}
    for row in rows(DATA / "comtrade_hs_editions.csv"):
        key = (int(row["edition"][1:]), row["hs12"])
        low = reached.get(key, 0.0)
        high = round(low + float(row["share"]), 9)
        reached[key] = high
        found.append(Piece(*key, row["code"], low, high))
    wrong = [key for key, high in reached.items() if high != 1]
    if wrong:
        raise ValueError(f"comtrade_hs_editions.csv: shares of {wrong} do not sum to one")
    return tuple(found)


@cache
def labels(edition: int) -> dict[str, str]:
    """Six-digit codes of one edition and their texts."""
    changed = {row["code"]: row["label"] for row in rows(DATA / "comtrade_hs_editions.csv")}
    split: dict[str, list[str]] = {piece.hs12: [] for piece in pieces() if piece.edition == edition}
    for piece in pieces():
        if piece.edition == edition:
            split[piece.hs12].append(piece.code)
    found = {}
    for code, label in zip(goods().code.tolist(), goods().label.tolist(), strict=True):
        for new in split.get(code, [code]):
            found[new] = changed[new] if code in split else label
    found[UNSPECIFIED] = "Commodities not specified according to kind"
    return dict(sorted(found.items()))


@cache
def season() -> np.ndarray:
    """Goods by twelve months: planted shares of the year, by the longest prefix that fits; each row sums to one."""
    table = {
        row["prefix"]: [float(row[f"m{m:02d}"]) for m in range(1, 13)] for row in rows(DATA / "comtrade_seasons.csv")
    }
    found = np.empty((len(goods()), 12))
    for prefix in sorted(table, key=len):
        found[np.char.startswith(goods().code, prefix)] = table[prefix]
    return found / found.sum(axis=1, keepdims=True)
