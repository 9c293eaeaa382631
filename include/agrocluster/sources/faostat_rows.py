"""Turns blocks of a FAOSTAT table into staged rows: codes mapped, units converted, everything left out counted.

Codes and labels are dictionary-encoded while the text is parsed, so that every mapping is done once per
distinct code and block and applied to the rows as an array. No row is ever looked at by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agrocluster.errors import SourceContractError
from agrocluster.sources.faostat_layout import Layout
from agrocluster.transform.countries import EXCLUDED, Area, Scheme, find_area
from agrocluster.transform.units import UnitTable, convert

Index = NDArray[np.int32]
_UNUSED = Area("", "aggregate")


@dataclass(frozen=True)
class Coded:
    """A column of texts as positions in a list of distinct texts."""

    index: Index
    texts: Sequence[str]

    def mapped(self, change: Callable[[str], str]) -> Coded:
        """The same column with every distinct text changed."""
        return Coded(self.index, [change(text) for text in self.texts])

    def take(self, keep: NDArray[np.bool_]) -> Coded:
        """The rows where ``keep`` is true."""
        return Coded(self.index[keep], self.texts)

    def lookup(self, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For every row, whether its text is wanted."""
        return np.array([wanted(text) for text in self.texts] or [False], dtype=bool)[self.index]

    def arrow(self) -> pa.DictionaryArray:
        """As an Arrow dictionary array; texts that became equal share one entry."""
        places = {text: place for place, text in enumerate(dict.fromkeys(self.texts))}
        index = self.index
        if len(places) < len(self.texts):
            index = np.array([places[text] for text in self.texts], dtype=np.int32)[index]
        return pa.DictionaryArray.from_arrays(pa.array(index), pa.array(list(places), pa.string()))

    def used(self) -> NDArray[np.bool_]:
        """For every distinct text, whether a row has it (a column that was filtered keeps all its texts)."""
        return np.bincount(self.index, minlength=len(self.texts)) > 0


def coded(column: pa.DictionaryArray) -> Coded:
    """An Arrow dictionary column; apostrophes in front of codes and blanks around texts go, null is ``''``."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    texts = [text.strip().removeprefix("'") for text in column.dictionary.to_pylist()]
    if column.null_count:
        column = pa.DictionaryArray.from_arrays(pc.fill_null(column.indices, len(texts)), column.dictionary)
        texts.append("")
    return Coded(column.indices.to_numpy(zero_copy_only=False), texts)


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
    area_name: Coded | None = None
    months: Coded | None = None

    def take(self, keep: NDArray[np.bool_]) -> Cells:
        """The cells where ``keep`` is true."""
        if keep.all():
            return self
        taken = {
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
    """Rows of a block, and what was left out of it."""

    batch: pa.RecordBatch
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str, pa.Table]] = field(default_factory=list)
    unmapped_items: frozenset[str] = frozenset()


def stage_cells(cells: Cells, layout: Layout, choice: Choice) -> Staged:
    """Map, select and convert the cells of a block into columns of the staged production table.

    Raises SourceContractError naming an unknown area, or an unknown element and unit.
    """
    excluded: Counter[str] = Counter()

    def drop(rows: Cells, gone: NDArray[np.bool_], reason: str) -> Cells:
        excluded[reason] += int(np.count_nonzero(gone))
        return rows.take(~gone)

    if cells.months is not None:
        cells = drop(cells, ~cells.months.lookup(choice.annual_months.__contains__), "monthly value")
    areas = [
        _area(code, cells, layout, choice) if used else _UNUSED
        for code, used in zip(cells.area.texts, cells.area.used(), strict=True)
    ]
    for kind, reason in EXCLUDED.items():
        cells = drop(cells, _where([area.kind == kind for area in areas], cells.area), reason)
    if choice.areas is not None:
        outside = [area.iso3 not in choice.areas for area in areas]
        cells = drop(cells, _where(outside, cells.area), "country not asked for")
    cells = drop(cells, (cells.year < choice.first_year) | (cells.year > choice.last_year), "year outside the dataset")
    if choice.elements is not None:
        cells = drop(cells, ~cells.element.lookup(choice.elements.__contains__), "element not asked for")
    items = cells.item.mapped(lambda code: item_code(code, layout.item_scheme, choice.cpc))
    if choice.items is not None:
        cells = drop(cells, ~items.lookup(choice.items.__contains__), "item not asked for")
    empty = np.isnan(cells.value)
    cells = drop(cells, empty & cells.flag.lookup(lambda flag: flag == ""), "no value and no flag")
    items = Coded(cells.item.index, items.texts)
    batch = _batch(cells, items, [area.iso3 for area in areas], choice)
    unmapped = {code for code, used in zip(items.texts, items.used(), strict=True) if used and code.startswith("cpc:")}
    return Staged(batch, excluded, unmapped_items=frozenset(unmapped))


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


def _area(code: str, cells: Cells, layout: Layout, choice: Choice) -> Area:
    area = find_area(choice.schemes, layout.area_scheme, code)
    if area is not None:
        return area
    names = {""}
    if cells.area_name is not None:
        rows = cells.area.lookup(lambda text: text == code)
        names = {cells.area_name.texts[i] for i in np.unique(cells.area_name.index[rows])}
    raise SourceContractError(
        f"The area {code!r} ({', '.join(sorted(names)) or 'no name'}) is in no list of countries or groups.",
        source="faostat",
        dataset=choice.dataset,
        remedy="Find out whether it is a country or a group and add it to catalog/mappings/faostat_areas.csv.",
    )


def _batch(cells: Cells, items: Coded, iso3: Sequence[str], choice: Choice) -> pa.RecordBatch:
    value, unit = _converted(cells, choice)
    return pa.RecordBatch.from_pydict(
        {
            "iso3": Coded(cells.area.index, iso3).arrow(),
            "year": pa.array(cells.year.astype(np.int16)),
            "item_code": items.arrow(),
            "item": cells.item_name.arrow(),
            "element_code": cells.element.arrow(),
            "element": cells.element_name.arrow(),
            "value": pa.array(value, from_pandas=True),
            "unit": unit.arrow(),
            "value_raw": pa.array(cells.value, from_pandas=True),
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
    for position in np.flatnonzero(present):
        code, raw = cells.element.texts[position // width], cells.unit.texts[position % width]
        conversion = choice.units.find(code, raw)
        if conversion is None:
            if filled[position] or raw:
                raise _unknown_unit(cells, code, raw, choice)
            continue
        numerators[position], denominators[position] = conversion.numerator, conversion.denominator
        if conversion.unit not in units:
            units.append(conversion.unit)
        unit_of[position] = units.index(conversion.unit)
    return convert(cells.value, numerators[pair], denominators[pair]), Coded(unit_of[pair], units)


def _unknown_unit(cells: Cells, code: str, raw: str, choice: Choice) -> SourceContractError:
    rows = cells.element.lookup(lambda text: text == code)
    names = {cells.element_name.texts[i] for i in np.unique(cells.element_name.index[rows])}
    return SourceContractError(
        f"The unit {raw!r} of element {code} ({', '.join(sorted(names))}) has no conversion.",
        source="faostat",
        dataset=choice.dataset,
        remedy="Add a row for it to catalog/mappings/faostat_units.csv.",
    )
