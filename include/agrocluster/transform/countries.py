"""Publishers' area codes to ISO 3166-1 alpha-3, as data: one row per area, with what kind of area it is.

Only rows of countries enter the tables; aggregates, dissolved states and parts of countries are counted and
left out, because they would be summed twice. An area that the mapping does not know is an error that names
it: a new country must not vanish, and a new aggregate must not be taken for a country.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["country", "aggregate", "former", "part"]
Scheme = Literal["fao", "m49", "iso2", "iso3"]

EXCLUDED: Mapping[Kind, str] = {
    "aggregate": "aggregate area",
    "former": "former country",
    "part": "part of a country",
}
"""Reason under which rows of areas that are no countries are counted."""

FIRST_AGGREGATE = 5000
"""FAO area codes from here on are groups of countries, listed or not."""


@dataclass(frozen=True)
class Area:
    """An area of a publisher; ``iso3`` is empty unless it is a country."""

    iso3: str
    kind: Kind


@cache
def faostat_areas(path: Path) -> Mapping[Scheme, Mapping[str, Area]]:
    """Areas of FAOSTAT by code, for each code scheme its files use.

    Reads ``fao_code,m49,iso2,iso3,kind,name``; M49 codes are three digits. Areas without an ISO code appear
    in ISO columns as ``F`` and their FAO code, the way the FAOSTAT website writes them.
    """
    schemes: dict[Scheme, dict[str, Area]] = {"fao": {}, "m49": {}, "iso2": {}, "iso3": {}}
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            kind: Kind = row["kind"]  # type: ignore[assignment]
            area = Area(row["iso3"], kind)
            for scheme, column in (("fao", "fao_code"), ("m49", "m49"), ("iso2", "iso2"), ("iso3", "iso3")):
                if row[column]:
                    schemes[scheme][row[column]] = area  # type: ignore[index]
            for scheme in ("m49", "iso2", "iso3"):
                schemes[scheme]["F" + row["fao_code"]] = area  # type: ignore[index]
    return schemes


def find_area(areas: Mapping[Scheme, Mapping[str, Area]], scheme: Scheme, code: str) -> Area | None:
    """The area behind a code as published (zeros lost or not), or None if nobody knows it."""
    if scheme == "m49" and code.isdigit():
        code = code.zfill(3)
    elif scheme == "fao":
        code = code.lstrip("0") or code
        if code.isdigit() and int(code) >= FIRST_AGGREGATE and code not in areas["fao"]:
            return Area("", "aggregate")
    return areas[scheme].get(code)
