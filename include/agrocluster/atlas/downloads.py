"""The figures of a page as CSV: the same columns in every language but for names and sentences.

UTF-8 with a byte order mark, which spreadsheets need for Cyrillic; numbers with a point. Each line says which release
it comes from and, for sample data, that it is none. A text that a spreadsheet would take for a formula
gets an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from agrocluster.atlas.content import Content, Row
from agrocluster.atlas.shown import SHOWN

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns(mart: str, lang: str) -> list[str]:
    """The columns of a mart that are shown in a language."""
    return [name.format(lang=lang) for name in SHOWN[mart]]


def csv_file(content: Content, mart: str, rows: Iterable[Row], lang: str) -> bytes:
    """Rows of a mart as a file; missing figures are empty."""
    names = columns(mart, lang)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["release", "label", *names])
    origin = [content.manifest["release"], content.manifest["label"]]
    writer.writerows([*origin, *_line(row, names)] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _line(row: Row, names: Sequence[str]) -> list[Any]:
    return ["'" + v if isinstance(v, str) and v.startswith(FORMULA) else v for v in (row[name] for name in names)]
