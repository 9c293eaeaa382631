"""CSV extracts of the small marts: what a spreadsheet or a text editor opens.

UTF-8 with a byte order mark, which Excel needs for Cyrillic, and numbers with a point. Rows stand in the order of the
mart, each with the release and the label of sample data. A text that a spreadsheet would take for a formula gets an
apostrophe; the Parquet files and the workbook hold it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agrocluster.release.documents.folder import Folder, quoted
from agrocluster.release.documents.plan import Extract, plan

BOM = b"\xef\xbb\xbf"
FORMULA = "=+@\t\r-"
"""Spreadsheets compute a cell that begins so; the minus is last, where a class of a pattern takes it as it is."""
ORIGIN = ("release", "label")
"""Columns that every row of an extract ends with."""


def write(folder: Folder) -> None:
    """Write ``csv/<mart>.csv`` for every extract of the plan that is in the release and small."""
    for _, mart in chosen(folder):
        name = f"csv/{mart['name']}.csv"
        file = folder.file(name)
        file.write_bytes(BOM + ",".join([*(c["name"] for c in mart["columns"]), *ORIGIN]).encode() + b"\n")
        if mart["rows"]:
            _copy(folder, mart, file)
        folder.note(name, f"{mart['title_en']}: CSV with byte order mark", "text/csv", mart["name"])


def chosen(folder: Folder) -> Iterator[tuple[Extract, dict[str, Any]]]:
    """The extracts of the plan with the entry of their mart: those in the release that are not too large."""
    marts = folder.marts
    for extract in plan().extracts.marts:
        if extract.mart in marts and marts[extract.mart]["rows"] <= plan().extracts.max_rows:
            yield extract, marts[extract.mart]


def too_large(folder: Folder) -> list[str]:
    """Marts of the plan that have outgrown it."""
    limit, marts = plan().extracts.max_rows, folder.marts
    return [e.mart for e in plan().extracts.marts if e.mart in marts and marts[e.mart]["rows"] > limit]


def origin(manifest: dict[str, Any]) -> list[str]:
    """SQL of the columns ``ORIGIN``."""
    return [f'{quoted(manifest[name])} AS "{name}"' for name in ORIGIN]


def as_written(text: str) -> str:
    """A text as the CSV holds it."""
    return f"'{text}" if text.startswith(tuple(FORMULA)) else text


def _copy(folder: Folder, mart: dict[str, Any], file: Path) -> None:
    """Write the rows of a mart below the head that ``file`` holds."""
    columns = [*(_safe(column) for column in mart["columns"]), *origin(folder.manifest)]
    query = f'SELECT {", ".join(columns)} FROM "{mart["name"]}"'
    head = file.read_bytes()
    folder.con.execute(f"COPY ({query}) TO {quoted(str(file))} (FORMAT csv, HEADER false)")
    file.write_bytes(head + file.read_bytes())


def _safe(column: dict[str, Any]) -> str:
    name = f'"{column["name"]}"'
    if column["type"] != "string":
        return name
    # One function per column: planning a CASE for each costs more than reading the rows.
    return f"regexp_replace({name}, '^([{FORMULA}])', chr(39) || '\\1') AS {name}"
