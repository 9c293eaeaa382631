"""Understands the tables in which the World Bank hands out indicators: one row per economy and series, years across.

The same table comes as CSV (with or without the lines above the header, quoted or not, with a comma at the end of
every line), inside a zip, on a sheet of a workbook, and from DataBank with other column names. This module finds
header, columns and date; ``worldbank_files`` turns the cells into staged rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

ECONOMY, NAME, SERIES = "Country Code", "Country Name", "Indicator Code"
SERIES_NAMES = (SERIES, "Series Code")
YEAR = re.compile(r"^(\d{4})(?: \[YR\1\])?$")
PREAMBLE = 12
"""Lines above the header in which it is looked for."""
_UPDATED = re.compile(r"Last Updated(?: Date)?:?\W+(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})")


@dataclass(frozen=True)
class WideTable:
    """A header: ``columns`` as written, the year of each year column, and what stood above it.

    ``columns`` holds unique names (blank ones are numbered); ``years`` maps column name -> year.
    """

    columns: tuple[str, ...]
    economy: str
    name: str
    series: str
    years: dict[str, int]
    updated: str | None

    @property
    def last_year(self) -> int:
        """The newest year that has a column."""
        return max(self.years.values())


def read_preamble(rows: Sequence[Sequence[object]]) -> tuple[int, WideTable] | None:
    """Position of the header among the first rows of a table, and the header; None if this is another table."""
    updated = None
    for position, row in enumerate(rows[:PREAMBLE]):
        cells = ["" if cell is None else str(cell).strip() for cell in row]
        if cells and cells[0] == "Last Updated Date" and len(row) > 1:
            updated = _iso(row[1])
        elif ECONOMY in cells and (series := next((s for s in SERIES_NAMES if s in cells), None)):
            columns = tuple(cell or f"blank {place}" for place, cell in enumerate(cells))
            years = {column: int(match[1]) for column in columns if (match := YEAR.match(column))}
            name = NAME if NAME in columns else ECONOMY
            if years and len(set(columns)) == len(columns):
                return position, WideTable(columns, ECONOMY, name, series, years, updated)
    return None


def read_header_lines(text: str) -> tuple[int, WideTable] | None:
    """Like ``read_preamble`` for the beginning of a CSV text; the position is a line number.

    A line that ends in a comma more than the header does (the Bank's files do) gets a blank column.
    """
    lines = text.splitlines()[: PREAMBLE + 1]
    rows = [next(csv.reader([line]), []) for line in lines]
    found = read_preamble(rows)
    if found is None or found[0] + 1 >= len(rows):
        return found
    position, table = found
    extra = len(rows[position + 1]) - len(table.columns)
    if extra == 1 and not rows[position + 1][-1]:
        columns = (*table.columns, "blank at the end")
        table = WideTable(columns, table.economy, table.name, table.series, table.years, table.updated)
    return position, table


def read_footer(text: str) -> str | None:
    """The date of the source in the lines that DataBank puts below its tables."""
    match = _UPDATED.search(text)
    return _iso(match[1]) if match else None


def skip_lines(data: bytes, lines: int) -> bytes:
    """``data`` without its first lines."""
    stream = io.BytesIO(data)
    for _ in range(lines):
        stream.readline()
    return stream.read()


def _iso(value: object) -> str | None:
    """An ISO date from what a cell holds: a date, ``2026-04-08`` or ``04/08/2026`` (month first)."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    text = str(value).strip()
    if match := re.match(r"^(\d{4}-\d\d-\d\d)", text):
        return match[1]
    if match := re.match(r"^(\d\d)/(\d\d)/(\d{4})$", text):
        return f"{match[3]}-{match[1]}-{match[2]}"
    return None
