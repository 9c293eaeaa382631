"""The World Bank's indicator service, version 2, with its manners.

Errors come with status 200 and a message; one bad economy or one archived series spoils the whole list; a page
past the end is empty and miscounts its pages; XML is the default; years without a value are rows with null.
Not emulated: the advanced ``/sources/{id}/series`` form, footnotes, monthly and quarterly data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from agrocluster.sample import indicators
from agrocluster.sample.indicators import Indicator, aggregates, catalogue, known
from agrocluster.sample.tables import LABEL, YEARS, economies

SOURCES = {
    "2": ("World Development Indicators", "WDI", 1960),
    "3": ("Worldwide Governance Indicators", "WGI", 1996),
    "13": ("Enterprise Surveys", "ESY", 2002),
    "28": ("Global Findex database", "GFX", 2011),
    "57": ("WDI Database Archives", "WDA", 1960),
    "66": ("Logistics Performance Index", "LPI", 2007),
}
UPDATED = {
    "2": "2026-07-13",
    "3": "2025-11-05",
    "13": "2026-05-20",
    "28": "2025-07-16",
    "57": "2026-07-13",
    "66": "2023-04-21",
}
UPDATED_PREVIOUS = UPDATED | {"2": "2026-04-08"}
LAST_YEAR = 2025
MAX_INDICATORS, MAX_SEGMENT, MAX_URL, MAX_PER_PAGE = 60, 1500, 4000, 32500
# These sources leave ``countryiso3code`` empty, as do income groups everywhere.
_NO_ISO3 = ("28", "66")
_REGIONS = {
    "ECS": "Europe & Central Asia",
    "EAS": "East Asia & Pacific",
    "SAS": "South Asia",
    "MEA": "Middle East, North Africa, Afghanistan & Pakistan",
    "SSF": "Sub-Saharan Africa ",
    "LCN": "Latin America & Caribbean ",
    "NAC": "North America",
}
_INCOMES = {"LIC": "Low income", "LMC": "Lower middle income", "UMC": "Upper middle income", "HIC": "High income"}
_LENDING = {"KAZ": "IBD", "KGZ": "IDX", "TJK": "IDX", "UZB": "IDB"}
_LENDING_NAMES = {"IBD": "IBRD", "IDX": "IDA", "IDB": "Blend", "LNX": "Not classified"}


class Refused(Exception):
    """The service answers with one of its messages instead of data."""

    def __init__(self, number: str, key: str, text: str) -> None:
        super().__init__(text)
        self.message = {"id": number, "key": key, "value": text}


def invalid() -> Refused:
    return Refused("120", "Invalid value", "The provided parameter value is not valid")


def not_found() -> Refused:
    text = "The indicator was not found. It may have been deleted or archived."
    return Refused("175", "Invalid format", text)


@dataclass(frozen=True)
class Place:
    iso3: str
    iso2: str
    name: str
    aggregate: bool
    row: int


@cache
def places() -> tuple[Place, ...]:
    text = economies().text
    found = [
        Place(str(text["iso3"][i]), str(text["iso2"][i]), str(text["wb_name"][i]), False, row)
        for row, i in enumerate(known())
    ]
    found += [Place(a.iso3, a.iso2, a.name, True, len(found) + n) for n, a in enumerate(aggregates())]
    return tuple(sorted(found, key=lambda place: (not place.aggregate, place.name)))


@cache
def _by_code() -> dict[str, Place]:
    return {code: place for place in places() for code in (place.iso3, place.iso2)}


def chosen_places(text: str) -> list[Place]:
    if text.lower() == "all":
        return list(places())
    wanted = [_by_code().get(code.upper()) for code in text.split(";") if code]
    if not wanted or None in wanted:
        raise invalid()
    return [place for place in wanted if place]


def chosen_indicators(text: str, source: str | None) -> list[Indicator]:
    ids = [code for code in text.split(";") if code]
    if len(ids) > MAX_INDICATORS or (len(ids) > 1 and source is None) or not ids:
        raise invalid()
    if source is not None and source not in SOURCES:
        raise invalid()
    spelling = {name.upper(): entry for name, entry in catalogue().items()}
    found = [spelling.get(code.upper()) for code in ids]
    if None in found:
        raise invalid()
    entries = [entry for entry in found if entry]
    wanted_source = source or ("2" if entries[0].kind == "archived" else entries[0].source)
    if any(entry.source != wanted_source for entry in entries):
        raise not_found()
    return entries


def chosen_years(text: str | None, first: int) -> list[int]:
    if not text:
        return list(range(LAST_YEAR, first - 1, -1))
    match = re.fullmatch(r"(\d{4}|YTD)(?::(\d{4}))?", text)
    if not match:
        raise invalid()
    low = first if match[1] == "YTD" else int(match[1])
    high = int(match[2] or match[1])
    low, high = min(low, high), max(low, high)
    return [year for year in range(LAST_YEAR, first - 1, -1) if low <= year <= high]


def number(value: float) -> int | float | None:
    if math.isnan(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def titled(indicator: Indicator) -> str:
    return f"{indicator.name} [{LABEL}]"


Observation = tuple[Indicator, Place, int, float]


def observation_entry(observation: Observation) -> dict[str, Any]:
    indicator, place, year, value = observation
    empty = indicator.source in _NO_ISO3 or (place.aggregate and (place.iso3 in _INCOMES or indicator.source != "2"))
    return {
        "indicator": {"id": indicator.id, "value": titled(indicator)},
        "country": {"id": place.iso2, "value": place.name},
        "countryiso3code": "" if empty else place.iso3,
        "date": str(year),
        "value": number(value),
        "unit": "",
        "obs_status": "",
        "decimal": 0 if abs(value) > 1000 else 1,
    }


def observations(
    wanted: list[Indicator], where: list[Place], years: list[int], vintage: str, recent: tuple[int, bool] | None
) -> list[Observation]:
    """By indicator, place and year, the newest year first. Only those of one page are ever spelled out."""
    found: list[Observation] = []
    for indicator in wanted:
        table = indicators.values(indicator.id, vintage)
        for place in where:
            series = dict(zip(YEARS.tolist(), table[place.row].tolist(), strict=True))
            cells = [(year, series.get(year, math.nan)) for year in years]
            if recent:
                count, only_filled = recent
                cells = [c for c in cells if not (only_filled and math.isnan(c[1]))][:count]
            found += [(indicator, place, year, value) for year, value in cells]
    return found


def country_entry(place: Place) -> dict[str, Any]:
    if place.aggregate:
        blank = {"id": "", "iso2code": "", "value": ""}
        region = {"id": "NA", "iso2code": "NA", "value": "Aggregates"}
        tail = {"capitalCity": "", "longitude": "", "latitude": ""}
        base = {"id": place.iso3, "iso2Code": place.iso2, "name": place.name, "region": region, "adminregion": blank}
        return base | {"incomeLevel": region, "lendingType": region} | tail
    world = economies()
    i = world.index(place.iso3)
    area, income = str(world.text["region"][i]), str(world.text["income"][i])
    lending = _LENDING.get(place.iso3, "LNX" if income == "HIC" else "IBD")
    codes = {a.iso3: a.iso2 for a in aggregates()}
    return {
        "id": place.iso3,
        "iso2Code": place.iso2,
        "name": place.name,
        "region": {"id": area, "iso2code": codes[area], "value": _REGIONS[area]},
        "adminregion": {"id": "", "iso2code": "", "value": ""},
        "incomeLevel": {"id": income, "iso2code": codes[income], "value": _INCOMES[income]},
        "lendingType": {"id": lending, "iso2code": lending[:2], "value": _LENDING_NAMES[lending]},
        "capitalCity": "",
        "longitude": str(world.number["lon"][i]),
        "latitude": str(world.number["lat"][i]),
    }


def indicator_entry(indicator: Indicator) -> dict[str, Any]:
    return {
        "id": indicator.id,
        "name": titled(indicator),
        "unit": "",
        "source": {"id": indicator.source, "value": SOURCES[indicator.source][0]},
        "sourceNote": f"{LABEL}. Generated by the sample source server of agrocluster.",
        "sourceOrganization": LABEL,
        "topics": [],
    }


def source_entry(number_: str, vintage: str) -> dict[str, Any]:
    name, code, _ = SOURCES[number_]
    updated = (UPDATED_PREVIOUS if vintage == "previous" else UPDATED)[number_]
    return {
        "id": number_,
        "lastupdated": updated,
        "name": name,
        "code": code,
        "description": LABEL,
        "url": "",
        "dataavailability": "Y",
        "metadataavailability": "Y",
        "concepts": "3",
    }


def _scalar(value: Any) -> str:
    return "" if value is None else escape(str(value))


def _element(key: str, value: Any) -> str:
    if isinstance(value, dict):
        attributes = "".join(f" {name}={quoteattr(str(part))}" for name, part in value.items() if name != "value")
        return f"<wb:{key}{attributes}>{_scalar(value.get('value'))}</wb:{key}>"
    return f"<wb:{key}>{_scalar(value)}</wb:{key}>" if not isinstance(value, list) else f"<wb:{key} />"


def as_xml(head: dict[str, Any], body: Iterable[dict[str, Any]] | None) -> bytes:
    attributes = "".join(f" {name}={quoteattr(str(value))}" for name, value in head.items())
    rows = "".join(f"<wb:data>{''.join(_element(k, v) for k, v in row.items())}</wb:data>" for row in body or [])
    document = f'<?xml version="1.0" encoding="utf-8"?><wb:data{attributes} xmlns:wb="http://www.worldbank.org">{rows}</wb:data>'
    return b"\xef\xbb\xbf" + document.encode()


def error_xml(message: dict[str, str]) -> bytes:
    inner = f'<wb:message id="{message["id"]}" key={quoteattr(message["key"])}>{escape(message["value"])}</wb:message>'
    document = f'<?xml version="1.0" encoding="utf-8"?><wb:error xmlns:wb="http://www.worldbank.org">{inner}</wb:error>'
    return b"\xef\xbb\xbf" + document.encode()
