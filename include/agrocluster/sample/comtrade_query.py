"""A question to UN Comtrade's data endpoint: its parameters, what is wrong with them, and the rows it asks for.

Parameter names are read without regard to case, as the service does. Rows are those of the stored reports plus what
exists only on request: chapters and headings, an older edition, and, for whoever does not pin them, breakdowns by
second partner, customs procedure and mode of transport beside the totals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_PERIODS = 12
EDITIONS = ("H0", "H1", "H2", "H3", "H4", "H5", "H6")
CLASSIFICATIONS = ("HS", *EDITIONS, "S1", "S2", "S3", "S4", "SS", "B4", "B5", "EB", "EB02", "EB10", "EB10S")
FLOWS = ("M", "X", "RX", "RM", "DX", "FM", "MIP", "MOP", "XIP", "XOP")
ORDER_STORED = "reporter, period, flow, partner, level, code"
ORDER = f"{ORDER_STORED}, partner2, customs, mot"
_LEVELS = {"AG2": 2, "AG4": 4, "AG6": 6}


class Invalid(Exception):
    """A parameter the service refuses; carries its name as the service spells it."""

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member


@dataclass(frozen=True)
class Question:
    kind: str  # C goods, S services
    freq: str
    classification: str
    periods: tuple[int, ...] | None
    reporters: tuple[int, ...] | None
    partners: tuple[int, ...] | None
    partners2: tuple[int, ...] | None
    products: tuple[str, ...] | None
    flows: tuple[str, ...] | None
    customs: tuple[str, ...] | None
    modes: tuple[int, ...] | None
    max_records: int | None
    descriptions: bool
    count_only: bool

    @property
    def pinned(self) -> bool:
        return self.partners2 == (0,) and self.customs == ("C00",) and self.modes == (0,)


def _numbers(member: str, text: str | None) -> tuple[int, ...] | None:
    if text is None or not text.strip():
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"-?\d{1,9}", part) for part in parts):
        raise Invalid(member)
    return tuple(sorted({int(part) for part in parts}))


def _words(member: str, text: str | None, allowed: str) -> tuple[str, ...] | None:
    if text is None or not text.strip():
        return None
    parts = [part.strip().upper() for part in text.split(",")]
    if not all(re.fullmatch(allowed, part) for part in parts):
        raise Invalid(member)
    return tuple(dict.fromkeys(parts))


def _flag(member: str, text: str | None) -> bool:
    if text is None or text.lower() in ("", "false"):
        return False
    if text.lower() != "true":
        raise Invalid(member)
    return True


def _periods(text: str | None, most: int, *, required: bool) -> tuple[int, ...] | None:
    found = _numbers("period", text)
    wrong = found is not None and any(len(str(period)) not in (4, 6) for period in found)
    if wrong or (found is None and required) or (found is not None and len(found) > most):
        raise Invalid("period")
    return found


def lowered(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in parameters.items()}


def path_parts(kind: str, freq: str, classification: str) -> tuple[str, str, str]:
    """The three pieces of a path in their own spelling; LookupError when there is no such operation."""
    found = (kind.upper(), freq.upper(), classification.upper())
    if found[0] not in ("C", "S") or found[1] not in ("A", "M") or found[2] not in CLASSIFICATIONS:
        raise LookupError("/".join(found))
    return found


def parse(
    kind: str, freq: str, classification: str, parameters: Mapping[str, str], max_periods: int = MAX_PERIODS
) -> Question:
    given = lowered(parameters)
    most = _numbers("maxRecords", given.get("maxrecords"))
    if most is not None and (len(most) != 1 or most[0] < 1):
        raise Invalid("maxRecords")
    if given.get("format", "JSON").upper() != "JSON":
        raise Invalid("format")
    return Question(
        *path_parts(kind, freq, classification),
        _periods(given.get("period"), max_periods, required=True),
        _numbers("reporterCode", given.get("reportercode")),
        _numbers("partnerCode", given.get("partnercode")),
        _numbers("partner2Code", given.get("partner2code")),
        _words("cmdCode", given.get("cmdcode"), r"TOTAL|AG[246]|\d{2}|\d{4}|\d{6}|\d{1,5}\*"),
        _words("flowCode", given.get("flowcode"), "|".join(FLOWS)),
        _words("customsCode", given.get("customscode"), r"C\d{2}"),
        _numbers("motCode", given.get("motcode")),
        most[0] if most else None,
        _flag("includeDesc", given.get("includedesc")),
        _flag("countOnly", given.get("countonly")),
    )


def wanted_datasets(classification: str, parameters: Mapping[str, str]) -> Callable[[dict[str, Any]], bool]:
    """A test for rows of the dataset table: reporter, period, edition, and the window of their last release."""
    given = lowered(parameters)
    reporters, periods = _numbers("reporterCode", given.get("reportercode")), _numbers("period", given.get("period"))
    first, last = given.get("publisheddatefrom", ""), given.get("publisheddateto", "9999-12-31")
    for name, text in (("publishedDateFrom", first), ("publishedDateTo", last)):
        if text and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise Invalid(name)

    def wanted(row: dict[str, Any]) -> bool:
        return (
            (reporters is None or row["reporter"] in reporters)
            and (periods is None or row["period"] in periods)
            and (classification == "HS" or classification == f"H{row['edition']}")
            and first <= row["last_released"][:10] <= (last or "9999-12-31")
        )

    return wanted


def _within(column: str, values: tuple[int, ...] | tuple[str, ...] | None) -> str:
    # Values were checked when the question was parsed: digits and letters only.
    if values is None:
        return "true"
    return f"{column} in ({', '.join(repr(value) for value in values)})"


def _product(products: tuple[str, ...]) -> str:
    tests = []
    for product in products:
        if product in _LEVELS:
            tests.append(f"level = {_LEVELS[product]}")
        elif product.endswith("*"):
            tests.append(f"starts_with(code, '{product[:-1]}')")
    tests.append(_within("code", tuple(p for p in products if p not in _LEVELS and "*" not in p) or ("",)))
    return "(" + " or ".join(tests) + ")"


def _computed_levels(products: tuple[str, ...] | None) -> tuple[int, ...]:
    if products is None:
        return (2, 4)
    return tuple(
        level
        for level in (2, 4)
        if any(_LEVELS.get(p) == level or "*" in p or (p.isdigit() and len(p) == level) for p in products)
    )


_AGGREGATE = """
    select freq, period, year, reporter, partner, flow, edition, left(code, {level}) as code, {level} as level,
           sum(value)::bigint as value, sum(fob)::bigint as fob, sum(cif)::bigint as cif, -1 as unit, null as qty,
           case when count(nullif(net, 0)) = count(*) then round(sum(net), 3) end as net,
           bool_or(estimated) as estimated,
           false as is_reported, original
    from base where level = 6 group by all"""

_CONVERTED = """
    select freq, period, year, reporter, partner, flow, 4 as edition, coalesce(hs12, code) as code, level,
           sum(value)::bigint as value, sum(fob)::bigint as fob, sum(cif)::bigint as cif,
           any_value(unit) as unit, case when count(nullif(qty, 0)) = count(*) then round(sum(qty), 3) end as qty,
           case when count(nullif(net, 0)) = count(*) then round(sum(net), 3) end as net,
           bool_or(estimated) as estimated,
           bool_and(is_reported) as is_reported, false as original
    from reports left join older using (edition, code) where edition > 4 and {where} group by all"""

_TOTALS_OF_BREAKDOWN = "0 as partner2, 'C00' as customs, 0 as mot"
_PARTS = ", ".join(
    f"(round({name} * high) - round({name} * low))::bigint as {name}" for name in ("value", "fob", "cif")
)
_BROKEN = f"""
    select every.* replace ({_PARTS}, round(qty * (high - low), 3) as qty, round(net * (high - low), 3) as net),
           case when second < 0 then partner else second end as partner2, customs, mot
    from every join breakdown on hash(reporter, partner, flow, code, period) % 12 between first and last
         and (second = 0 or partner > 0)"""

# How a total falls apart: for rows whose hash is between first and last; second -1 means the partner itself.
BREAKDOWN = (
    "first, last, second, customs, mot, low, high",
    (
        (0, 3, 0, "C00", 3100, 0.0, 0.6),
        (0, 3, 0, "C00", 3200, 0.6, 1.0),
        (4, 5, 0, "C00", 1000, 0.0, 0.2),
        (4, 5, 0, "C00", 2100, 0.2, 1.0),
        (0, 1, 0, "C01", 0, 0.0, 0.9),
        (0, 1, 0, "C04", 0, 0.9, 1.0),
        (3, 5, -1, "C00", 0, 0.0, 0.7),
        (3, 5, 643, "C00", 0, 0.7, 1.0),
        (2, 2, -1, "C01", 3200, 0.0, 1.0),
    ),
)


def relation(question: Question) -> str:
    """SQL whose rows are the answer, in no order; tables reports, older and breakdown are the database's."""
    where = " and ".join(
        (
            f"freq = '{question.freq}'",
            _within("period", question.periods),
            _within("reporter", question.reporters),
            _within("partner", question.partners),
            _within("flow", question.flows),
        )
    )
    original = where
    if question.classification != "HS":
        original += f" and edition = {question.classification[1:] if question.classification in EDITIONS else -1}"
    if question.kind == "S":
        original += " and false"
    base = f"select *, true as original from reports where {original}"
    if question.classification == "H4" and question.kind == "C":
        base += " union all by name" + _CONVERTED.format(where=where)
    every = "select * from base" + "".join(
        " union all by name" + _AGGREGATE.format(level=level) for level in _computed_levels(question.products)
    )
    chosen = f"select * from ({every})" + (f" where {_product(question.products)}" if question.products else "")
    rows = f"select *, {_TOTALS_OF_BREAKDOWN} from every"
    if not question.pinned:
        rows += " union all by name" + _BROKEN
    parts = (("partner2", question.partners2), ("customs", question.customs), ("mot", question.modes))
    kept = " and ".join(_within(column, values) for column, values in parts)
    return f"with base as ({base}), every as ({chosen}), rows as ({rows}) select * from rows where {kept}"
