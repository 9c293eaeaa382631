"""Understands the header of a FAOSTAT table: which column plays which role, whatever the layout is called.

FAO has published the same facts as bulk files (long and wide, old and new columns) and as website downloads
(four ways to code areas, commas or semicolons). All of them name their columns, so all are read by name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from agrocluster.errors import SourceContractError
from agrocluster.transform.countries import Scheme

ItemScheme = Literal["fao", "cpc"]
S = TypeVar("S", bound=str)

_AREA: Mapping[str, Scheme] = {
    "area code": "fao",
    "area code (fao)": "fao",
    "country code": "fao",
    "country code (fao)": "fao",
    "areacode": "fao",
    "area code (m49)": "m49",
    "area code (iso2)": "iso2",
    "area code (iso3)": "iso3",
}
_ITEM: Mapping[str, ItemScheme] = {
    "item code": "fao",
    "item code (fao)": "fao",
    "itemcode": "fao",
    "item code (fbs)": "cpc",
    "item code (cpc)": "cpc",
}
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "area_name": ("area", "country", "areaname"),
    "item_name": ("item", "itemname"),
    "element": ("element code", "elementcode"),
    "element_name": ("element", "elementname"),
    "year": ("year code", "year"),
    "unit": ("unit",),
    "value": ("value",),
    "flag": ("flag",),
    "months": ("months code",),
}
_REQUIRED = {
    "area": "Area Code",
    "item": "Item Code",
    "item_name": "Item",
    "element": "Element Code",
}
_REQUIRED |= {"element_name": "Element"}
_LONG = {"year": "Year Code", "value": "Value", "flag": "Flag"}
_WIDE = re.compile(r"^y(\d{4})(f?)$")


@dataclass(frozen=True)
class Layout:
    """How to read a table.

    Attributes:
        columns: all column names, in the file's order.
        roles: role (``area``, ``item``, ``year``, ``value`` ...) -> column name.
        area_scheme, item_scheme: what the area and item codes are codes of.
        wide: year -> (value column, flag column or None); empty for a long table.
        delimiter: ``,`` or ``;`` or tab.
    """

    columns: tuple[str, ...]
    roles: Mapping[str, str]
    area_scheme: Scheme
    item_scheme: ItemScheme
    wide: Mapping[int, tuple[str, str | None]]
    delimiter: str


def read_header(line: str, name: str, dataset: str) -> Layout:
    """The layout that a header line declares.

    Raises SourceContractError naming the columns that are missing and those that are there.
    """
    delimiter = max(",;\t", key=line.count)
    columns = tuple(column.strip() for column in next(csv.reader([line], delimiter=delimiter), []))
    by_name = {column.casefold(): column for column in columns}
    roles: dict[str, str] = {}
    area_scheme = _first(_AREA, by_name, roles, "area") or "fao"
    item_scheme = _first(_ITEM, by_name, roles, "item") or "fao"
    for role, names in _PLAIN.items():
        found = [by_name[candidate] for candidate in names if candidate in by_name]
        if found:
            roles[role] = found[0]
    wide = _wide_years(by_name)
    required = _REQUIRED if wide else _REQUIRED | _LONG
    missing = [label for role, label in required.items() if role not in roles]
    if missing or len(by_name) != len(columns):
        problem = f"lacks the column(s) {', '.join(missing)}" if missing else "names a column twice"
        raise SourceContractError(
            f"{name} {problem}; its header is: {line.strip()[:400]}",
            source="faostat",
            dataset=dataset,
            remedy="FAO changed the layout or this is another kind of file: compare it with the layouts in "
            "sources/faostat_layout.py and add the new column name there.",
        )
    return Layout(columns, roles, area_scheme, item_scheme, wide, delimiter)


def _first(known: Mapping[str, S], by_name: Mapping[str, str], roles: dict[str, str], role: str) -> S | None:
    for candidate, scheme in known.items():
        if candidate in by_name:
            roles[role] = by_name[candidate]
            return scheme
    return None


def _wide_years(by_name: Mapping[str, str]) -> dict[int, tuple[str, str | None]]:
    years = [int(match[1]) for name in by_name if (match := _WIDE.match(name)) and not match[2]]
    return {year: (by_name[f"y{year}"], by_name.get(f"y{year}f")) for year in sorted(years)}
