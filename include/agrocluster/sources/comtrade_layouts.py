"""The column names under which UN Comtrade's files give the fields of a record.

Three vocabularies: the names of the current service (portal CSV, bulk files and re-saved answers, in any case), the
column titles of the old site's CSV (22 or 35 columns), and the short keys of the old API (JSON, CSV with machine
headers). Fields that an old file only implies (frequency, kind of estimate) are derived here.

Quirks (files of 2013-2025): the portal's CSV has 47 names and 48 fields in every row, the last one empty; a program
that takes the first field for row labels shifts all columns by one when it saves the file again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from agrocluster.errors import SourceContractError
from agrocluster.sources.comtrade_fields import FIELDS, REQUIRED

IS_LEAF = "isLeaf"
TITLES = {
    "Classification": "classificationCode",
    "Period": "period",
    "Is Leaf Code": IS_LEAF,
    "Trade Flow Code": "flowCode",
    "Reporter Code": "reporterCode",
    "Partner Code": "partnerCode",
    "2nd Partner Code": "partner2Code",
    "Customs Proc. Code": "customsCode",
    "Mode of Transport Code": "motCode",
    "Commodity Code": "cmdCode",
    "Qty Unit Code": "qtyUnitCode",
    "Qty": "qty",
    "Netweight (kg)": "netWgt",
    "Trade Value (US$)": "primaryValue",
    "CIF Trade Value (US$)": "cifvalue",
    "FOB Trade Value (US$)": "fobvalue",
    "Flag": "legacyEstimationFlag",
}
"""Column titles of the old site's CSV."""
SHORT_KEYS = {
    "pfCode": "classificationCode",
    "period": "period",
    "IsLeaf": IS_LEAF,
    "rgCode": "flowCode",
    "rtCode": "reporterCode",
    "ptCode": "partnerCode",
    "ptCode2": "partner2Code",
    "cstCode": "customsCode",
    "motCode": "motCode",
    "cmdCode": "cmdCode",
    "qtCode": "qtyUnitCode",
    "TradeQuantity": "qty",
    "NetWeight": "netWgt",
    "TradeValue": "primaryValue",
    "CIFValue": "cifvalue",
    "FOBValue": "fobvalue",
    "estCode": "legacyEstimationFlag",
}
"""Keys of the old API."""
_NAMES = {field: field for field in FIELDS}
_VOCABULARIES = tuple(
    (words, {name.casefold(): field for name, field in words.items()}, words is not _NAMES)
    for words in (_NAMES, TITLES, SHORT_KEYS)
)
"""Names as they are spelled, in small letters, and whether they are of the old service."""
OLD_FLOWS = {"1": "M", "2": "X", "3": "RX", "4": "RM"}
QTY_ESTIMATED, WEIGHT_ESTIMATED = (2, 6), (4, 6)
"""Old estimation codes that concern the quantity and the net weight."""

LEGACY_TYPES: Mapping[str, pa.DataType] = {**FIELDS, IS_LEAF: pa.bool_()}
_LEGACY_REQUIRED = tuple(field for field in REQUIRED if field != "freqCode")
_TELLING = ("reporterCode", "flowCode", "cmdCode")
"""Fields whose names stand side by side in no other publisher's tables."""
_FREQUENCIES = {"A", "M"}


@dataclass(frozen=True)
class Layout:
    """How to read a table.

    Attributes:
        columns: names of all columns in the file's order, unnamed ones numbered.
        fields: field of a record (or ``isLeaf``) -> column.
        delimiter: ``,`` or ``;`` or tab.
        legacy: whether the file is of the old service.
    """

    columns: tuple[str, ...]
    fields: Mapping[str, str]
    delimiter: str
    legacy: bool


def is_table(names: Iterable[str]) -> bool:
    """Whether these column names or keys are of a table of UN Comtrade, even of one that lost some of them."""
    found = {name.casefold() for name in names}
    return any({name for name, field in words.items() if field in _TELLING} <= found for _, words, _ in _VOCABULARIES)


def read_layout(header: str, first: str, name: str) -> Layout:
    """The layout that the header of a table and its first record show.

    Raises SourceContractError if columns are missing, doubled or shifted.
    """
    delimiter = max(",;\t", key=header.count)
    names, cells = _cells(header, delimiter, name), _cells(first, delimiter, name)
    lower = {text.casefold() for text in names}
    spelled, words, legacy = max(_VOCABULARIES, key=lambda entry: len(lower & set(entry[1])))
    held = {words.get(text.casefold()) for text in names}
    required = _LEGACY_REQUIRED if legacy else REQUIRED
    if missing := [text for text, field in spelled.items() if field in required and field not in held]:
        raise _error(
            f"{name} lacks the column(s) {', '.join(missing)} of UN Comtrade's tables; it has {', '.join(names)[:300]}",
            "Compare it with the download of the portal; a new column name belongs into sources/comtrade_layouts.py.",
        )
    named = [text.casefold() for text in names if text.casefold() in words]
    if len(named) != len(set(named)):
        raise _error(f"{name} names a column twice", "Download it again.")
    if len(cells) == len(names) + 1 and not cells[-1]:
        names.append("")
    fields = {words[text.casefold()]: text for text in names if text.casefold() in words}
    if not legacy and dict(zip(names, cells, strict=False)).get(fields.get("typeCode", "")) in _FREQUENCIES:
        raise _error(
            f"All columns of {name} are shifted by one: a program took the first field for row labels",
            "Import the file as the portal gave it.",
        )
    return Layout(tuple(text or f"column {i}" for i, text in enumerate(names)), fields, delimiter, legacy)


def _cells(line: str, delimiter: str, name: str) -> list[str]:
    try:
        return [text.strip() for text in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as error:
        problem = f"The first lines of {name} are no lines of a table ({error})"
        raise _error(problem, "The file is damaged; download it again.") from error


def from_legacy(table: pa.Table) -> pa.Table:
    """A table of an old file (typed, with the fields' names) as records of the current service.

    The old service gave totals over everything it did not name. It did not say what was reported: codes with
    subdivisions are taken for sums made by the publisher, as the current service marks them.
    """
    columns = {name: table[name] for name in table.column_names if name != IS_LEAF}
    period = columns["period"].cast(pa.string())
    columns["freqCode"] = pc.if_else(pc.fill_null(pc.equal(pc.utf8_length(period), 6), fill_value=False), "M", "A")
    if "flowCode" in columns:
        columns["flowCode"] = _flows(columns["flowCode"])
    if "legacyEstimationFlag" in columns:
        flag = columns["legacyEstimationFlag"]
        columns["isQtyEstimated"] = pc.is_in(flag, pa.array(QTY_ESTIMATED, flag.type))
        columns["isNetWgtEstimated"] = pc.is_in(flag, pa.array(WEIGHT_ESTIMATED, flag.type))
    if IS_LEAF in table.column_names:
        columns["isReported"] = table[IS_LEAF]
        columns["isAggregate"] = pc.invert(table[IS_LEAF])
    return pa.table(columns)


def _flows(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers of flows as today's codes; others stay as they are and are refused later."""
    texts = column.cast(pa.string())
    place = pc.index_in(pc.utf8_trim_whitespace(texts), pa.array(list(OLD_FLOWS)))
    return pc.coalesce(pc.take(pa.array(list(OLD_FLOWS.values())), place), texts)


def _error(problem: str, remedy: str) -> SourceContractError:
    return SourceContractError(f"{problem}.", source="comtrade", remedy=remedy)
