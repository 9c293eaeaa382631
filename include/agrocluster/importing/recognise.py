"""Tells what a file is by its content: format, publisher, and the datasets that can read it.

Nothing here trusts a file name (except where a publisher writes a fact nowhere else), unpacks to disk or reads
more than it must. Every failure becomes a reason, so that one bad file never hides the others.
"""

from __future__ import annotations

import html
import json
import logging
import re
from pathlib import Path
from typing import Any

from agrocluster.errors import AgroclusterError
from agrocluster.importing import of_baci, of_comtrade, of_faostat, of_others, of_worldbank
from agrocluster.importing.findings import Finding, Recognised, Unrecognised, in_words
from agrocluster.importing.sniff import Sniffed, columns, sniff
from agrocluster.sources.bytestream import head_text
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.zipsafe import SafeZip

log = logging.getLogger(__name__)

MAX_DOCUMENT = 256 * 1024**2
"""JSON documents larger than this are not opened."""
WORKBOOK = "xl/workbook.xml"

_REFUSED = {
    "html": "A web page and no data; most likely the error page of a failed download.",
    "pdf": "A PDF document; take the CSV or Excel download of the same page.",
    "packed": "Packed in a way that no publisher uses; unpack it and import what is inside.",
    "binary": "Neither text nor a known kind of archive.",
}


def recognise(path: Path) -> Finding:
    """What the file at ``path`` is. Never raises for what the file holds."""
    try:
        return _recognise(path)
    except AgroclusterError as error:
        return Unrecognised(in_words(error), broken=True)
    except OSError as error:
        return Unrecognised(f"It cannot be read ({error.strerror or error}).", broken=True)
    except Exception as error:
        # Parsers of others raise whatever they like on a damaged file; one file must never hide the rest.
        log.info("Recognising %s failed", path, exc_info=True)
        return Unrecognised(f"It does not hold together ({type(error).__name__}: {str(error)[:200]}).", broken=True)


def _recognise(path: Path) -> Finding:
    seen = sniff(path)
    if seen.nature == "empty":
        return Unrecognised("The file is empty.", broken=True)
    if seen.gzipped and seen.nature in {"zip", "xls"}:
        return Unrecognised("An archive inside gzip; unpack it (gunzip) and import it again.")
    if seen.nature in _REFUSED:
        return Unrecognised(_REFUSED[seen.nature], broken=seen.nature == "html")
    return {"zip": _zip, "xls": _xls, "json": _json, "xml": _xml, "text": _text}[seen.nature](seen)


def _zip(seen: Sniffed) -> Finding:
    archive = SafeZip(seen.path)
    if not archive.names:
        return Unrecognised("The archive is empty.", broken=True)
    if WORKBOOK in archive.names:
        return _workbook(seen, archive)
    found = (
        of_faostat.recognise_archive(archive)
        or of_baci.recognise_archive(archive)
        or of_worldbank.recognise_archive(seen.path, archive)
    )
    found = found or of_others.by_members(archive.names)
    if found:
        return found
    for member in archive.find("*.csv")[:1]:
        names = _header(head_text(archive.stream(member)))
        if other := of_others.by_columns(names):
            return Recognised(f"{other.what}, {len(archive.names)} files in a zip", kind="other", note=other.note)
        if of_faostat.is_faostat(names):
            return Unrecognised("A FAOSTAT website table inside a zip; unpack it and import the CSV.")
        if of_comtrade.is_table(names):
            return Unrecognised("A UN Comtrade table inside a zip; unpack it and import the CSV.")
    return Unrecognised(f"A zip of no known download; it holds {', '.join(archive.names[:3])}.")


def _workbook(seen: Sniffed, archive: SafeZip) -> Finding:
    text = archive.read(WORKBOOK).decode("utf-8", errors="replace")
    sheets = [html.unescape(name) for name in re.findall(r"<(?:\w+:)?sheet [^>]*?name=\"([^\"]*)\"", text)]
    if "Data" in sheets and any(sheet.startswith("Metadata") for sheet in sheets):
        return of_worldbank.recognise_workbook(seen.path)
    if other := of_others.by_sheets(sheets):
        return other
    return Unrecognised(f"A workbook of no known download; its sheets are {', '.join(sheets[:4])}.")


def _xls(_: Sniffed) -> Finding:
    return Recognised(
        "Excel 97-2003 workbook (.xls)", kind="other", note="Unsupported: open it and save as .xlsx, then import that."
    )


def _json(seen: Sniffed) -> Finding:
    if records := of_comtrade.recognise_records(seen):
        return records
    document = _document(seen.path)
    if of_worldbank.is_answer(document):
        return of_worldbank.recognise_answer(document, seen)
    found = of_comtrade.recognise_document(document) or of_others.by_keys(document)
    return found or Unrecognised("A JSON document of no known service.")


def _document(path: Path) -> Any:
    data = b""
    for piece in text_pieces(path):
        data += piece
        if len(data) > MAX_DOCUMENT:
            raise ValueError(f"JSON of more than {MAX_DOCUMENT >> 20} MiB")
    return json.loads(data.decode("utf-8-sig"))


def _xml(seen: Sniffed) -> Finding:
    return of_others.by_beginning(seen.head[:8192]) or Unrecognised("An XML document of no known service.")


def _text(seen: Sniffed) -> Finding:
    if of_worldbank.is_table(seen):
        return of_worldbank.recognise_csv(seen)
    names = _header(seen.head)
    if of_faostat.is_faostat(names):
        return of_faostat.recognise_table(seen)
    if of_comtrade.is_table(names):
        return of_comtrade.recognise_table(seen)
    if of_baci.is_table(names):
        return of_baci.recognise_table(seen)
    found = of_worldbank.metadata(names) or of_others.by_columns(names) or of_baci.recognise_codes(names, seen)
    if found:
        return found
    if len(names) < 2:
        return Unrecognised("A text that is no table.")
    return Unrecognised(f"A table of no known download; its columns are {', '.join(names[:6])}.")


def _header(text: str) -> list[str]:
    line = next(iter(text.splitlines()), "")
    return columns(line)
