"""Dates a file: by the stamp inside, else by the caller, else by its name, else by its time in the file system.

The last is weak: copying a folder makes every file young. So it is limited by what the layout shows (a table whose
last year column is 2021 was not published in 2026), and files of one date are put in an order of their own, by the
age of their layout, then by their newest year. Nothing depends on where a file lies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

OLD_FLAGS = frozenset({"*", "F", "Fc", "Im"})
"""Flags that FAOSTAT used until it changed its vocabulary in the second half of 2022."""
OLD_FLAGS_END = "2022-12-31"
OLD_FLAGS_LAYOUT, NEW_FLAGS_LAYOUT, SHORT_UNITS_LAYOUT = 1, 2, 3
_FAOSTAT_NAME = re.compile(r"FAOSTAT_data(?:_[a-z]{2})?_(\d{1,2})-(\d{1,2})-(\d{4})")
_ISO_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d\d)-(\d\d)(?!\d)")


@dataclass(frozen=True)
class Dated:
    """A vintage stamp, where it comes from (``inside, --vintage, file name, file time``) and the order among equals."""

    stamp: str
    by: str
    rank: str

    @property
    def weak(self) -> bool:
        """Whether only the file system knows the date."""
        return self.by.startswith("file time")


def date_file(
    *,
    inside: str | None,
    vintage: str | None,
    name: str,
    modified: str,
    latest: str | None,
    generation: int,
    last_year: int | None,
) -> Dated:
    """The date of a file. ``modified`` is its time in UTC (ISO 8601); ``latest`` and ``generation`` its layout's."""
    rank = f"g{generation}y{last_year or 0:04d}"
    if inside:
        return Dated(inside, "inside", rank)
    if vintage:
        return Dated(vintage, "--vintage", rank)
    if named := _in_name(name):
        return Dated(named, "file name", rank)
    day = modified[:10]
    if latest and latest < day:
        return Dated(latest, "file time, limited by its layout", rank)
    return Dated(day, "file time", rank)


def faostat_layout(marks: frozenset[str], generation: int) -> tuple[int, str | None]:
    """Layout generation and latest possible date of a FAOSTAT website table, from its flags and units."""
    if generation == 0:
        return 0, None
    if marks & OLD_FLAGS:
        return OLD_FLAGS_LAYOUT, OLD_FLAGS_END
    short = generation >= SHORT_UNITS_LAYOUT or "t" in marks
    return (SHORT_UNITS_LAYOUT if short else NEW_FLAGS_LAYOUT), None


def utc_seconds(timestamp: float) -> str:
    """A file time as UTC in ISO 8601, to the second."""
    return datetime.fromtimestamp(int(timestamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _in_name(name: str) -> str | None:
    """A date in a file name: FAOSTAT writes month-day-year, everybody else is asked for ISO dates."""
    if match := _FAOSTAT_NAME.search(name):
        return _date(int(match[3]), int(match[1]), int(match[2]))
    if match := _ISO_NAME.search(name):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    return None


def _date(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
