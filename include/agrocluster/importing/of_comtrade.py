"""Recognises UN Comtrade downloads: tables of the portal and of the old site, bulk files, answers of both APIs, lists.

Which datasets read a file is told by its records: annual or monthly, and who reports about whom. A file may feed
several; one in which none of the four countries takes part feeds none. Nothing but an answer of the old API says when
it was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from agrocluster.importing.findings import Recognised, Unrecognised, Use
from agrocluster.importing.sniff import Sniffed
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources import comtrade_layouts as layouts
from agrocluster.sources.comtrade_common import belonging
from agrocluster.sources.comtrade_fields import KEYS
from agrocluster.sources.comtrade_files import legacy_answer_records, table_records
from agrocluster.sources.comtrade_rows import record_tables

OLD, CURRENT = 0, 1
"""Generations of the service; of files of one date the current service's are younger."""
EMPTY = "Holds no records."
NOBODY = "None of the four countries takes part in its records."
EXPLAINS = "Explains UN Comtrade's codes; holds no figures."
_RECORD = ("reporterCode", "flowCode", "cmdCode", "primaryValue")
_OLD_RECORD = ("rtCode", "rgCode", "cmdCode", "TradeValue")
"""Keys that stand side by side in the records of an answer."""
_FINISHED = re.compile(r'"finished"\s*:\s*"(\d{4}-\d\d-\d\d)T')
_COMPANIONS = (
    ({"totalRecords", "datasetChecksum"}, "availability of data"),
    ({"fileUrl", "rowKey"}, "bulk files"),
    ({"reporterCodeIsoAlpha3"}, "reporters"),
    ({"PartnerCodeIsoAlpha3"}, "partners"),
    ({"dataItem"}, "fields of a record"),
    ({"fileuri", "category"}, "reference files"),
    ({"id", "text", "parent"}, "products"),
    ({"id", "text"}, "codes"),
)
"""Keys of the first entry of a list -> what it lists."""


def is_table(names: Sequence[str]) -> bool:
    """Whether these columns are those of a table of UN Comtrade."""
    return layouts.is_table(names)


def recognise_table(seen: Sniffed) -> Recognised | Unrecognised:
    """A CSV of the portal or of the old site, a bulk file, or such a table saved again."""
    header, *rest = seen.lines(2)
    layout = layouts.read_layout(header, rest[0] if rest else "", seen.path.name)
    tables = table_records(seen.path, KEYS)
    if layout.legacy:
        return _used("UN Comtrade table of the old site", "comtrade_legacy_csv", tables, OLD)
    if layout.delimiter == "\t":
        return _used("UN Comtrade bulk file", "comtrade_bulk_tsv", tables, CURRENT)
    return _used("UN Comtrade table", "comtrade_csv", tables, CURRENT)


def recognise_records(seen: Sniffed) -> Recognised | Unrecognised | None:
    """An answer with records, told by its beginning alone (it may be large), or None if this is another document."""
    if _has_keys(seen.head, _RECORD):
        return _used("UN Comtrade API answer", "comtrade_json", record_tables(seen.path, KEYS), CURRENT)
    if _has_keys(seen.head, _OLD_RECORD):
        tables = iter([legacy_answer_records(seen.path, StageLog())])
        made = _FINISHED.search(seen.head)
        return _used(
            "UN Comtrade answer of the old API", "comtrade_legacy_json", tables, OLD, made[1] if made else None
        )
    return None


def _has_keys(text: str, keys: Iterable[str]) -> bool:
    return all(re.search(rf'"{key}"\s*:', text) for key in keys)


def recognise_document(document: Any) -> Recognised | Unrecognised | None:
    """A JSON document without records: an empty answer, an error, a list of codes; None if of another publisher."""
    if not isinstance(document, dict):
        return None
    if {"elapsedTime", "data"} <= set(document):
        return _answer(document)
    if {"validation", "dataset"} <= set(document):
        return Recognised("UN Comtrade answer of the old API", kind="other", note=EMPTY)
    if isinstance(document.get("results"), list):
        return _list(document["results"], f" ({document['className']})" if document.get("className") else "")
    return None


def _answer(document: dict[str, Any]) -> Recognised | Unrecognised | None:
    if document.get("error"):
        return Unrecognised(
            f"An error message of UN Comtrade and no data: {str(document['error'])[:200]}.", broken=True
        )
    if not document["data"]:
        return Recognised("UN Comtrade API answer", kind="other", note=EMPTY)
    return _list(document["data"], "")


def _list(entries: list[Any], subject: str) -> Recognised | None:
    keys = set(entries[0]) if entries and isinstance(entries[0], dict) else set()
    for wanted, what in _COMPANIONS:
        if wanted <= keys:
            return Recognised(f"UN Comtrade list of {what}{subject}", kind="companion", note=EXPLAINS)
    return None


def _used(
    what: str, file_format: str, tables: Iterable[pa.Table], generation: int, stamp: str | None = None
) -> Recognised:
    rows, left = 0, {spec.id: spec for spec in catalog().datasets.values() if spec.adapter == "comtrade"}
    found: list[str] = []
    for table in tables:
        rows += table.num_rows
        for dataset_id in [name for name, spec in left.items() if belonging(table, spec).any()]:
            found.append(dataset_id)
            del left[dataset_id]
    if not found:
        return Recognised(what, kind="other", stamp=stamp, note=NOBODY if rows else EMPTY)
    uses = tuple(Use(dataset_id, file_format) for dataset_id in sorted(found))
    return Recognised(what, uses=uses, stamp=stamp, generation=generation)
