"""Defects and revisions planted in the sample world on purpose, as data.

Tests and demonstrations need to know what a careful pipeline should find: rows that are absent, values that
are empty, flags that weaken a number, cells that changed between two releases. They are listed in
``data/planted.csv``; this module reads the list and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from agrocluster.sample.tables import DATA, YEARS, rows

VINTAGES = ("current", "previous")


@dataclass(frozen=True)
class Plant:
    kind: str
    dataset: str
    iso3: str
    chain: str
    stage: str
    code: str
    element: str
    years: np.ndarray
    value: str
    note: str

    @property
    def year_mask(self) -> np.ndarray:
        return np.isin(YEARS, self.years)


def _years(text: str) -> np.ndarray:
    if not text:
        return YEARS
    first, last = text.split("-")
    return np.arange(int(first), int(last) + 1)


@cache
def _all() -> tuple[Plant, ...]:
    found = []
    for row in rows(DATA / "planted.csv"):
        when = _years(row.pop("years"))
        found.append(Plant(**row, years=when))
    return tuple(found)


def plants(kind: str, dataset: str) -> list[Plant]:
    return [plant for plant in _all() if plant.kind == kind and plant.dataset == dataset]
