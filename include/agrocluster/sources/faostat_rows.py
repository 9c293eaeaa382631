"""Turns blocks of a FAOSTAT table into staged rows: codes mapped, units converted, everything left out counted.

Codes and labels are dictionary-encoded while the text is parsed, so that every mapping is done once per
distinct code and block and applied to the rows as an array. No row is ever looked at by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.errors import SourceContractError
from agrocluster.model.arrays import to_arrow
from agrocluster.sources.coded import Coded
from agrocluster.sources.faostat_layout import Layout
from agrocluster.transform.countries import EXCLUDED, Area, Scheme, find_area
from agrocluster.transform.units import UnitTable, convert

Index = NDArray[np.int32]
OUTSIDE = "country not asked for"
MISSING = frozenset({"M", "O", "Q"})
"""Flags that say there is no value (cannot exist or not available, missing, suppressed): a number beside them, often a
0, stays in ``value_raw`` only. FAO, https://www.fao.org/faostat/en/#definitions; method 0.4."""
_UNUSED = Area("", "aggregate")


@dataclass(frozen=True)
class Cells:
    """The cells of a block, one per area, item, element and year; ``value`` is NaN where nothing is published."""

    area: Coded
    item: Coded
    item_name: Coded
    element: Coded
    element_name: Coded
    unit: Coded
    flag: Coded
    year: NDArray[np.int64]
    value: NDArray[np.float64]
    months: Coded | None = None

    def take(self, keep: NDArray[np.bool_]) -> Cells:
        """The cells where ``keep`` is true."""
        if keep.all():
            return self
        taken: dict[str, Any] = {
            name: None if column is None else column.take(keep) if isinstance(column, Coded) else column[keep]
            for name, column in vars(self).items()
        }
        return Cells(**taken)


@dataclass(frozen=True)
class Choice:
    """What a dataset takes from its files, out of the catalogue.

    Attributes:
        dataset: name in errors.
        first_year, last_year: inclusive.
        areas: ISO3 codes to keep, or None for every country.
        elements, items: codes to keep, or None for all.
        annual_months: values of ``Months Code`` that stand for the whole year.
        schemes: areas by code scheme; cpc: CPC code -> FAO item code; units: the unit conversions.
    """

    dataset: str
    first_year: int
    last_year: int
    areas: frozenset[str] | None
    elements: frozenset[str] | None
    items: frozenset[str] | None
    annual_months: frozenset[str]
    schemes: Mapping[Scheme, Mapping[str, Area]]
    cpc: Mapping[str, str]
    units: UnitTable


@dataclass
class Staged:
    """Rows of a block (None if none is wanted), and what was left out of it."""

    batch: pa.RecordBatch | None
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str, pa.Table]] = field(default_factory=list)
    unmapped_items: frozenset[str] = frozenset()


def stage_cells(cells: Cells, layout: Layout, choice: Choice) -> Staged:
    """Map, select and convert the cells of a block into columns of the staged production table.

    Raises SourceContractError naming an unknown area, or an unknown element and unit.
    """
    areas = known_areas(cells.area, layout, choice)
    items = [item_code(code, layout.item_scheme, choice.cpc) for code in cells.item.texts]
    excluded: Counter[str] = Counter()
    keep = np.ones(len(cells.value), dtype=bool)
    for reason, gone in _exclusions(cells, areas, items, choice):
        gone &= keep
        if rows := int(np.count_nonzero(gone)):
            excluded[reason] += rows
            keep &= ~gone
    cells = cells.take(keep)
    unmapped = {code for code, used in zip(items, cells.item.used(), strict=True) if used and code[:4] == "cpc:"}
    return Staged(
        _batch(cells, items, [area.iso3 for area in areas], choice),
        excluded,
        unmapped_items=frozenset(unmapped),
    )


def _exclusions(
    cells: Cells, areas: Sequence[Area], items: Sequence[str], choice: Choice
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Reasons to leave rows out, and which rows; a row counts under the first reason that holds."""
    if cells.months is not None:
        yield "monthly value", ~cells.months.lookup(choice.annual_months.__contains__)
    for kind, reason in EXCLUDED.items():
        if any(area.kind == kind for area in areas):
            yield reason, _where([area.kind == kind for area in areas], cells.area)
    if choice.areas is not None:
        yield (
            "country not asked for",
            _where([area.iso3 not in choice.areas for area in areas], cells.area),
        )
    if cells.year.size and not choice.first_year <= cells.year.min() <= cells.year.max() <= choice.last_year:
        yield (
            "year outside the dataset",
            (cells.year < choice.first_year) | (cells.year > choice.last_year),
        )
    if choice.elements is not None:
        yield (
            "element not asked for",
            ~cells.element.lookup(choice.elements.__contains__),
        )
    if choice.items is not None:
        yield (
            "item not asked for",
            _where([code not in choice.items for code in items], cells.item),
        )
    yield (
        "no value and no flag",
        np.isnan(cells.value) & cells.flag.lookup(lambda flag: flag == ""),
    )


def item_code(code: str, scheme: str, cpc: Mapping[str, str]) -> str:
    """FAO's item code. A CPC code that has none (or is not in the mapping) becomes ``cpc:<code>``.

    ``S2511`` (food balances) and ``F1717`` (FAO's own groups) carry FAO's code already; a CPC code may have lost
    its leading zero in a spreadsheet.
    """
    if code[:1] in {"S", "F"} and code[1:].isdigit():
        return code[1:]
    if scheme == "fao":
        return code
    return cpc.get(code) or cpc.get("0" + code) or f"cpc:{code}"


def _where(flags: Sequence[bool], column: Coded) -> NDArray[np.bool_]:
    return np.array([*flags, False], dtype=bool)[column.index]


def known_areas(codes: Coded, layout: Layout, choice: Choice) -> list[Area]:
    """The area behind every distinct code that a row has. UnknownArea if the mapping lacks one."""
    areas = []
    for code, used in zip(codes.texts, codes.used(), strict=True):
        area = find_area(choice.schemes, layout.area_scheme, code) if used else _UNUSED
        if area is None:
            raise UnknownArea(code)
        areas.append(area)
    return areas


class UnknownArea(Exception):
    """An area code that no mapping knows; the reader turns it into an error that also tells its name."""


def _batch(cells: Cells, items: Sequence[str], iso3: Sequence[str], choice: Choice) -> pa.RecordBatch:
    raw = to_arrow(cells.value)
    value, unit = _converted(cells, choice)
    missing = cells.flag.lookup(MISSING.__contains__)
    if missing.any():
        value = np.where(missing, np.nan, value)
    return pa.RecordBatch.from_pydict(
        {
            "iso3": Coded(cells.area.index, iso3).arrow(),
            "year": to_arrow(cells.year.astype(np.int16)),
            "item_code": Coded(cells.item.index, items).arrow(),
            "item": cells.item_name.arrow(),
            "element_code": cells.element.arrow(),
            "element": cells.element_name.arrow(),
            "value": raw if value is cells.value else to_arrow(value),
            "unit": unit.arrow(),
            "value_raw": raw,
            "unit_raw": cells.unit.arrow(),
            "flag": cells.flag.arrow(),
        }
    )


def _converted(cells: Cells, choice: Choice) -> tuple[NDArray[np.float64], Coded]:
    """Values in canonical units, and their units: one look-up per pair of element and unit in the block."""
    width = len(cells.unit.texts)
    pair = cells.element.index.astype(np.int64) * width + cells.unit.index
    size = len(cells.element.texts) * width
    present = np.bincount(pair, minlength=size) > 0
    filled = np.bincount(pair[~np.isnan(cells.value)], minlength=size) > 0
    numerators, denominators = np.ones(size), np.ones(size)
    units, unit_of = [""], np.zeros(size, dtype=np.int32)
    for position in np.flatnonzero(present).tolist():
        code, raw = (
            cells.element.texts[position // width],
            cells.unit.texts[position % width],
        )
        conversion = choice.units.find(code, raw)
        if conversion is None:
            if filled[position] or raw:
                raise _unknown_unit(cells, code, raw, choice)
            continue
        numerators[position], denominators[position] = (
            conversion.numerator,
            conversion.denominator,
        )
        if conversion.unit not in units:
            units.append(conversion.unit)
        unit_of[position] = units.index(conversion.unit)
    unit = Coded(unit_of[pair], units)
    if (numerators == 1).all() and (denominators == 1).all():
        return cells.value, unit
    return convert(cells.value, numerators[pair], denominators[pair]), unit


def _unknown_unit(cells: Cells, code: str, raw: str, choice: Choice) -> SourceContractError:
    rows = cells.element.lookup(lambda text: text == code)
    names = {cells.element_name.texts[i] for i in np.unique(cells.element_name.index[rows])}
    return SourceContractError(
        f"The unit {raw!r} of element {code} ({', '.join(sorted(names))}) has no conversion.",
        source="faostat",
        dataset=choice.dataset,
        remedy="Add a row for it to catalog/mappings/faostat_units.csv.",
    )
