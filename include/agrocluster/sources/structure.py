"""Names of the fields in a raw file, so that people see when a publisher changes the make-up of its files.

It looks at the beginning of a file only and recognises what all publishers have in common: tables with a header, alone
or in an archive, and JSON records. It refuses nothing; whether a file may be used is decided when it is staged.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from agrocluster.errors import AgroclusterError
from agrocluster.model.fetching import RawFile
from agrocluster.sources.bytestream import head_text
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.zipsafe import SafeZip

MOST_FIELDS, MOST_CHARACTERS = 400, 120
"""Of a file that comes from outside no more is believed."""
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?:\d{2})?(?!\d)")
_RECORD = re.compile(r"\[\s*(?=\{)")
_CODES = re.compile(r"element", re.IGNORECASE)
RECORDS = 3
"""Lists of records that are looked for at the beginning of a JSON document: page headers come before the rows."""


def structure(path: Path, raw: RawFile) -> dict[str, list[str]]:
    """Kind of table -> names of its fields, and element codes where an archive lists them; years are written ``#``,
    because a new year is no new make-up. Empty for a file without a table at its beginning."""
    try:
        with path.open("rb") as handle:
            packed = handle.read(2) == b"PK"
        found = dict(_of_archive(path)) if packed else {raw.format: _fields(head_text(text_pieces(path)))}
    except (AgroclusterError, OSError, ValueError, csv.Error, zipfile.BadZipFile):
        return {}
    return {kind: fields for kind, fields in found.items() if fields}


def _of_archive(path: Path) -> Iterator[tuple[str, list[str]]]:
    archive = SafeZip(path)
    for name in (*archive.find("*.csv"), *archive.find("*.txt"), *archive.find("*.json")):
        head, kind = head_text(archive.stream(name)), _plain(name.rpartition("/")[2])
        yield kind, _fields(head)
        if _CODES.search(name) and archive.size(name) < len(head) * 4:
            codes = [row[0] for row in csv.reader(head.splitlines()[1:]) if row]
            yield f"{kind}: codes", list(dict.fromkeys(code.strip()[:MOST_CHARACTERS] for code in codes))[:MOST_FIELDS]


def _fields(head: str) -> list[str]:
    text = head.lstrip()
    names = _of_records(text) if text[:1] in {"[", "{"} else _of_header(text)
    return list(dict.fromkeys(_plain(name) for name in names))[:MOST_FIELDS]


def _of_header(text: str) -> list[str]:
    line = text.partition("\n")[0].strip("\r")
    delimiter = max(",;\t|", key=line.count)
    return next(csv.reader([line], delimiter=delimiter)) if delimiter in line else []


def _of_records(text: str) -> list[str]:
    names: list[str] = []
    decoder = json.JSONDecoder()
    for match in list(_RECORD.finditer(text[: 1 << 16]))[:RECORDS]:
        try:
            record, _ = decoder.raw_decode(text, match.end())
        except ValueError:
            continue  # cut off by the end of what was read
        names += list(record)
    return names


def _plain(name: str) -> str:
    return _YEAR.sub("#", name.strip())[:MOST_CHARACTERS]
