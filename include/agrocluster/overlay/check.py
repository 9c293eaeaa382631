"""Checks filled lines cell by cell. A line with one mistake is rejected whole; every mistake is named.

Accepted lines are given in one spelling (ISO dates, decimal points, sorted lists), so that equal answers are equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

from agrocluster.overlay.form import Field, codes, fields
from agrocluster.overlay.sheet import Line

EARLIEST = date(2000, 1, 1)
LONGEST = 500
FORMULA = ("=", "+", "-", "@")
"""First characters that make a spreadsheet calculate a cell."""


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what it is, and what to do."""

    line: int
    column: str
    value: str
    problem: str
    remedy: str


@dataclass(frozen=True)
class Checked:
    """``accepted`` lines by field, all values as text, empty where unknown; ``rejected`` lines; all ``problems``."""

    accepted: list[dict[str, str]]
    rejected: list[Line]
    problems: list[Problem]

    def reasons(self, line: int) -> str:
        """The mistakes of one line, separated by semicolons."""
        return "; ".join(f"{p.column or 'line'} {p.problem}" for p in self.problems if p.line == line)


class _Wrong(ValueError):
    """A cell that says something impossible: the problem, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def check(lines: Iterable[Line], today: date | None = None) -> Checked:
    """Sort lines into accepted and rejected.

    Args:
        lines: filled lines of the sheet.
        today: assessments after this day are rejected; by default the day it is (UTC).
    """
    limit = today or datetime.now(UTC).date()
    accepted: list[dict[str, str]] = []
    rejected: list[Line] = []
    problems: list[Problem] = []
    first: dict[tuple[str, ...], int] = {}
    for line in lines:
        values, wrong = _cells(line, limit)
        key = (values.get("iso3", ""), values.get("chain", ""), values.get("initiative", "").casefold())
        if not wrong and key in first:
            wrong.append(_problem(line, "initiative", f"is on line {first[key]} already", "Keep one line for each."))
        if wrong:
            rejected.append(line)
            problems.extend(wrong)
        else:
            first[key] = line.number
            accepted.append(values)
    return Checked(sorted(accepted, key=lambda v: (v["iso3"], v["chain"], v["initiative"])), rejected, problems)


def _cells(line: Line, today: date) -> tuple[dict[str, str], list[Problem]]:
    values: dict[str, str] = {}
    wrong: list[Problem] = []
    for of in fields():
        given = line.cells.get(of.field, "")
        try:
            values[of.field] = _value(of, given, today)
        except _Wrong as error:
            wrong.append(Problem(line.number, of.field, given, error.problem, error.remedy))
    if line.extra:
        wrong.append(
            _problem(line, "", "has more cells than the header", "Put texts that hold the separator in quotes.")
        )
    if not wrong and not any(values[of.field] for of in fields() if of.kind == "scale"):
        wrong.append(_problem(line, "readiness_*", "answers no scale", "Fill in at least one of the scales, 0 to 3."))
    return values, wrong


def _value(of: Field, given: str, today: date) -> str:
    if not given:
        if of.required:
            raise _Wrong("is empty", f"Fill it in: {of.en}.")
        return ""
    match of.kind:
        case "scale":
            return _scale(of, given)
        case "count":
            return _count(given)
        case "number":
            return _number(given)
        case "date":
            return _date(given, today)
        case "link":
            return _link(given)
        case "member_types":
            return " ".join(sorted({_known(of, part) for part in re.split(r"[\s,;]+", given) if part}))
        case "text":
            return _text(given)
    return _known(of, given)


def _text(given: str) -> str:
    if given[0] in FORMULA:
        raise _Wrong("begins like a formula of a spreadsheet", "Begin with a letter or a figure.")
    if len(given) > LONGEST:
        raise _Wrong(f"is longer than {LONGEST} characters", "Shorten it and link to the rest.")
    return " ".join(given.split())


def _known(of: Field, given: str) -> str:
    listed = {code.casefold(): code for code in codes(of.kind)}
    if given.casefold() in listed:
        return listed[given.casefold()]
    near = get_close_matches(given.casefold(), listed, n=1)
    hint = f"It may mean {listed[near[0]]}; " if near else ""
    raise _Wrong(f"does not know {given!r}", f"{hint}codes are: {', '.join(listed.values())}.")


def _scale(of: Field, given: str) -> str:
    if given not in ("0", "1", "2", "3"):
        ends = f"Write 0 ({of.lowest_en}), 1, 2 or 3 ({of.highest_en}), or leave it empty."
        raise _Wrong("is not on the scale", ends)
    return given


def _count(given: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}", given):
        raise _Wrong("is not a whole number from 0 to 999999", "Write figures only, such as 15.")
    return str(int(given))


def _number(given: str) -> str:
    point = given.replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", point):
        raise _Wrong("is not a number from 0 to 999", "Write it such as 0.5 or 0,5.")
    return str(float(point))


def _date(given: str, today: date) -> str:
    day = _day(given)
    if day is None:
        raise _Wrong("is not a date", "Write it as 2024-06-30 or 30.06.2024.")
    if not EARLIEST <= day <= today:
        raise _Wrong("lies in the future or before 2000", "Write the day of the assessment.")
    return day.isoformat()


def _day(given: str) -> date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(given, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def _link(given: str) -> str:
    try:
        parts = urlsplit(given)
        whole = parts.scheme in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        whole = False
    if not whole or re.search(r"[\s<>\"]", given):
        raise _Wrong("is not an address of a page", "Write the whole address, https:// included.")
    if parts.username is not None:
        raise _Wrong("holds a user name", "Give an address that others can open without yours.")
    if len(given) > LONGEST:
        raise _Wrong(f"is longer than {LONGEST} characters", "Give the address of the page itself.")
    return given


def _problem(line: Line, column: str, problem: str, remedy: str) -> Problem:
    return Problem(line.number, column, line.cells.get(column, ""), problem, remedy)


def as_rows(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """The problems as plain dictionaries."""
    return [asdict(problem) for problem in problems]
