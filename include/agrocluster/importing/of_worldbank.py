"""Recognises World Bank downloads: tables of indicators (CSV, zip, workbook), their metadata, answers of the API.

A table is read by every dataset that holds one of its series; series that no dataset holds are counted when the
table is staged.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from agrocluster.importing.findings import Recognised, Unrecognised, Use
from agrocluster.importing.sniff import Sniffed
from agrocluster.model.loader import catalog
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.worldbank_files import series_in, table_members
from agrocluster.sources.worldbank_tables import read_footer, read_header_lines
from agrocluster.sources.zipsafe import SafeZip

METADATA = (
    ({"country code", "region", "incomegroup"}, "World Bank metadata of countries"),
    ({"indicator_code", "source_note"}, "World Bank metadata of indicators"),
    ({"indicator code", "source_note"}, "World Bank metadata of indicators"),
)
TAIL = 4096
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")


def metadata(names: Collection[str]) -> Recognised | None:
    """A Metadata file beside a table, told by its columns."""
    found = {name.casefold() for name in names}
    for columns, what in METADATA:
        if columns <= found:
            return Recognised(what, kind="companion", note="Explains the table beside it; holds no figures.")
    return None


def is_table(seen: Sniffed) -> bool:
    """Whether a text begins like a table of indicators."""
    return read_header_lines(seen.head) is not None


def recognise_csv(seen: Sniffed) -> Recognised | Unrecognised:
    """A table of indicators as CSV, plain or gzipped."""
    return _table(seen.path, "wdi_csv", "CSV", footer=_tail(seen.path))


def recognise_archive(path: Path, archive: SafeZip) -> Recognised | Unrecognised | None:
    """A zip around such a table, or None if this is another kind of zip."""
    return _table(path, "wdi_zip", "zip") if table_members(archive) else None


def recognise_workbook(path: Path) -> Recognised | Unrecognised:
    """The Excel download of an indicator page."""
    return _table(path, "wdi_xlsx", "Excel")


def is_answer(document: Any) -> bool:
    """Whether a JSON document is an answer of the Indicators API."""
    return isinstance(document, list) and bool(document) and isinstance(document[0], dict) and _is_envelope(document[0])


def recognise_answer(document: list[Any], seen: Sniffed) -> Recognised | Unrecognised:
    """One page of the API, as served or re-indented."""
    envelope = document[0]
    if "message" in envelope:
        return Unrecognised(
            f"An error message of the World Bank API and no data: {str(envelope['message'])[:120]}.", broken=True
        )
    rows = document[1] if len(document) > 1 and isinstance(document[1], list) else []
    if not rows:
        return Unrecognised("An answer of the World Bank API without a single row.", broken=True)
    if "indicator" not in rows[0]:
        return Recognised(
            "World Bank API, a list of countries, indicators or databases",
            kind="companion",
            note="Holds no figures.",
        )
    codes = {str((row.get("indicator") or {}).get("id", "")) for row in rows}
    what = f"World Bank API answer, page {envelope.get('page')} of {envelope.get('pages')}"
    if seen.gzipped:
        return Recognised(what, kind="other", note="Unpack it (gunzip) and import it again.")
    stamp = str(envelope.get("lastupdated", ""))
    return _used(what, "worldbank_json", codes, stamp if _DATE.match(stamp) else None)


def _is_envelope(first: dict[str, Any]) -> bool:
    return {"page", "pages", "total"} <= set(first) or ("message" in first and len(first) == 1)


def _table(path: Path, file_format: str, container: str, footer: str | None = None) -> Recognised | Unrecognised:
    table, codes = series_in(path, file_format)
    # The Bank adds the column of a year in the course of the year after it.
    latest = f"{table.last_year + 1}-12-31"
    found = _used(f"World Bank table of indicators ({container})", file_format, codes, table.updated or footer)
    return replace(found, latest=latest, last_year=table.last_year)


def _used(what: str, file_format: str, codes: Collection[str], stamp: str | None) -> Recognised:
    wanted = {code.upper() for code in codes}
    lists = catalog().indicators
    held = {dataset: wanted & {spec.code.upper() for spec in specs} for dataset, specs in lists.items()}
    uses = tuple(Use(dataset, file_format) for dataset, found in sorted(held.items()) if found)
    known = sum(len(found) for found in held.values())
    series = next(iter(codes)) if len(codes) == 1 else f"{len(codes):,} series, {known:,} of them in the catalogue"
    if not uses:
        return Recognised(f"{what}, {series}", kind="other", note="No dataset of the catalogue holds a series of it.")
    return Recognised(f"{what}, {series}", uses=uses, stamp=stamp)


def _tail(path: Path) -> str | None:
    end = b""
    for piece in text_pieces(path):
        end = (end + piece)[-TAIL:]
    return read_footer(end.decode("utf-8", errors="replace"))
