"""Answers of UN Comtrade gone wrong: one change of the parsed body per fault.

The names are those of the faults in other services' rows, so that one switch serves all; two are Comtrade's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Row = dict[str, Any]
Change = Callable[[Document, dict[str, Any]], Document]


def _with_rows(document: Document, rows: list[Row]) -> Document:
    return document | {"count": len(rows), "data": rows}


def _unknown_country(document: Document, params: dict[str, Any]) -> Document:
    strange = document["data"][0] | {"partnerCode": int(params.get("code", 9999))}
    return _with_rows(document, [*document["data"], strange])


def _duplicate_keys(document: Document, params: dict[str, Any]) -> Document:
    rows = document["data"]
    return _with_rows(document, [*rows, *rows[: int(params.get("rows", 5))]])


def _negative(document: Document, params: dict[str, Any]) -> Document:
    column, first = str(params.get("column", "primaryValue")), document["data"][0]
    return _with_rows(document, [first | {column: -abs(first[column] or 1.0)}, *document["data"][1:]])


def _rename(document: Document, params: dict[str, Any]) -> Document:
    column = str(params.get("column", "primaryValue"))
    to = str(params.get("to", column + "Renamed"))
    rows = [{(to if name == column else name): value for name, value in row.items()} for row in document["data"]]
    return _with_rows(document, rows)


def _wrong_count(document: Document, params: dict[str, Any]) -> Document:
    return document | {"count": int(params.get("count", document["count"] + 1))}


def _wrong_type(document: Document, params: dict[str, Any]) -> Document:
    column = str(params.get("column", "primaryValue"))
    first = document["data"][0] | {column: params.get("value", "n/a")}
    return _with_rows(document, [first, *document["data"][1:]])


COMTRADE_ROW_FAULTS: dict[str, Change] = {
    "unknown_country": _unknown_country,
    "duplicate_keys": _duplicate_keys,
    "negative_tonnage": _negative,
    "rename_column": _rename,
    "comtrade_wrong_count": _wrong_count,
    "comtrade_wrong_type": _wrong_type,
}
