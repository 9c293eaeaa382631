"""Reads the sheet that people filled in: encoding, separator, header and lines. What cells mean is ``check``'s."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from agrocluster.errors import UsageError
from agrocluster.overlay.form import COMMENT, fields

MAX_BYTES = 5 << 20
"""A form of many thousand initiatives is smaller; anything larger is another file."""
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Line:
    """One filled line: its number in the file (where it ends) and its cells by field; ``extra`` are cells too many."""

    number: int
    cells: dict[str, str]
    extra: tuple[str, ...]


def read(path: Path) -> list[Line]:
    """The filled lines of a sheet. Raises UsageError for a file that is none, with what to do about it."""
    text = _text(path)
    separator = _separator(text)
    found = list(_rows(text, separator, path))
    if not found:
        raise UsageError(
            f"{path.name} holds no header.", remedy="Start from `agrocluster overlay template` and keep its last line."
        )
    (_, header), *rows = found
    names = _without_empty_end([cell.strip() for cell in header])
    _require_header(names, path)
    lines = []
    for number, cells in rows:
        padded = [cell.strip() for cell in cells] + [""] * (len(names) - len(cells))
        lines.append(Line(number, dict(zip(names, padded, strict=False)), tuple(c for c in padded[len(names) :] if c)))
    return lines


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path.name} is larger than 5 MiB.", remedy="Check that it is the filled form.")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Check the name of the file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path.name} is not a text in UTF-8 (byte {error.start}).",
            remedy="Save it from the spreadsheet as 'CSV UTF-8'; a workbook (.xlsx) cannot be read.",
        ) from error


def _separator(text: str) -> str:
    """The separator with which the line that names the most fields names them."""
    names = {of.field for of in fields()}
    lines = [line for line in text.splitlines() if not line.lstrip('"').startswith(COMMENT)]
    score = {s: max((len(names & set(_bare(line, s))) for line in lines), default=0) for s in SEPARATORS}
    return max(SEPARATORS, key=lambda s: score[s])


def _bare(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _rows(text: str, separator: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith(COMMENT):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UsageError(
            f"{path.name}, line {reader.line_num}: {error}.",
            remedy="Look for a quotation mark without its partner; a quotation mark inside a text is written twice.",
        ) from error


def _without_empty_end(names: list[str]) -> list[str]:
    """Spreadsheets write separators after the last column that was ever touched."""
    while names and not names[-1]:
        names.pop()
    return names


def _require_header(names: list[str], path: Path) -> None:
    known = [of.field for of in fields()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{path.name} has the column {doubled[0]!r} twice.", remedy="Remove one of them.")
    if unknown := [name for name in names if name not in known]:
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"It may mean {near[0]}. " if near else ""
        raise UsageError(
            f"{path.name} has a column {unknown[0]!r} that the form does not know.",
            remedy=f"{hint}Columns are: {', '.join(known)}.",
        )
    if missing := [of.field for of in fields() if of.required and of.field not in names]:
        raise UsageError(
            f"{path.name} lacks the column(s) {', '.join(missing)}.",
            remedy="Start from `agrocluster overlay template` and keep its last line.",
        )
