"""Recognises FAOSTAT files: bulk archives of every age, their tables unpacked, and the website's downloads.

Which domain a table belongs to is told by its Domain Code, else by the name FAO gave the table (the base name of
an archive's member), else by its element codes. Names and codes are data, in ``faostat_names.csv``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from agrocluster.errors import AgroclusterError
from agrocluster.importing.findings import Recognised, Unrecognised, Use, in_words
from agrocluster.importing.sniff import Sniffed, columns
from agrocluster.model.loader import catalog, read_csv
from agrocluster.sources.bytestream import as_file, head_text
from agrocluster.sources.faostat_layout import read_header
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.zipsafe import SafeZip

NAMES = Path(__file__).with_name("faostat_names.csv")
BULK = re.compile(r"^(?P<base>.+)_E_All_Data(?P<normalised>_?\(Normalized\))?(_NOFLAG)?\.csv$", re.IGNORECASE)

CODE = re.compile(r"^[A-Za-z]{1,4}\d?$")
FOOTER = re.compile(r"^FAOSTAT date: \w+ (\w{3} \d+) .*?(\d{4})$", re.IGNORECASE)
FAOSTAT3, NEW_COLUMNS = 0, 3
"""Layout generations that a header shows: the site that ended in 2016, and the one with notes (from 2023)."""
FAOSTAT3_END = "2016-12-31"


def is_faostat(names: Iterable[str]) -> bool:
    """Whether these columns are those of a FAOSTAT table."""
    found = {name.casefold() for name in names}
    coded = bool(found & {"element code", "elementcode"})
    return coded and bool(found & {"domain code", "item code", "itemcode"} or _item_columns(found))


def recognise_table(seen: Sniffed) -> Recognised | Unrecognised:
    """A table of the website, or one taken out of a bulk archive."""
    header = seen.lines(1)[0]
    names = columns(header)
    cells = _first_column(seen, names)
    domains = {text.upper() for text in cells if CODE.match(text)} if cells is not None else None
    if domains is not None and len(domains) > 1:
        listed = ", ".join(sorted(domains))
        return Unrecognised(f"FAOSTAT table that mixes the domains {listed}; download each by itself.", broken=True)
    code = next(iter(domains)) if domains else _domain_of_table(seen, names)
    if code is None:
        return Unrecognised(
            "FAOSTAT table that does not say its domain (no column Domain Code); add the column or name the file "
            "as FAO names it, e.g. Production_Crops_Livestock_E_All_Data_(Normalized).csv."
        )
    what = f"FAOSTAT website table, domain {code}" if domains else f"FAOSTAT bulk table, domain {code}"
    dataset = dataset_of(code)
    if dataset is None:
        return _unused(f"{what} ({_title(seen, names)})" if domains else what)
    try:
        read_header(header, seen.path.name, dataset)
    except AgroclusterError as error:
        return Unrecognised(in_words(error), broken=True)
    lower = {name.casefold() for name in names}
    old = "areacode" in lower
    return Recognised(
        what,
        uses=(Use(dataset, "faostat_csv"),),
        latest=FAOSTAT3_END if old else None,
        stamp=_footer_date(cells or ()),
        generation=FAOSTAT3 if old else NEW_COLUMNS if "note" in lower else 1,
    )


def recognise_archive(archive: SafeZip) -> Recognised | Unrecognised | None:
    """A bulk archive, or None if this is another kind of zip."""
    tables = [name for name in archive.names if BULK.match(PurePosixPath(name).name)]
    member = next((name for name in tables if "noflag" not in name.lower()), None)
    if member is None:
        return None
    match = BULK.match(PurePosixPath(member).name)
    base, normalised = (match["base"], bool(match["normalised"])) if match else ("", False)
    header = next(iter(head_text(archive.stream(member)).splitlines()), "")
    code, current = _member_domains().get(base.casefold(), (None, False))
    what = f"FAOSTAT bulk archive {base}, {'normalised' if normalised else 'wide'}"
    dataset = dataset_of(code) if code else None
    if dataset is None:
        return _unused(what)
    try:
        layout = read_header(header, member, dataset)
    except AgroclusterError as error:
        return Unrecognised(f"{what}: {in_words(error)}", broken=True)
    return Recognised(
        f"{what}, domain {code}",
        uses=(
            Use(
                dataset,
                "faostat_bulk_wide_zip" if layout.wide else "faostat_bulk_zip",
                "full" if current and normalised and not layout.wide else "partial",
            ),
        ),
        stamp=archive.newest,
    )


def dataset_of(code: str) -> str | None:
    """The dataset that carries a domain or its predecessor, or None."""
    code = _predecessors().get(code, code)
    for spec in catalog().datasets.values():
        if spec.source == "faostat" and spec.params.get("domain") == code:
            return spec.id
    return None


def _unused(what: str) -> Recognised:
    return Recognised(what, kind="other", note="No dataset of the catalogue uses this domain yet.")


def _first_column(seen: Sniffed, names: list[str]) -> set[str] | None:
    """All texts in the column Domain Code, where the old site put its date too; None if there is no such column."""
    column = next((name for name in names if name.casefold() == "domain code"), None)
    if column is None:
        return None
    delimiter = max(",;\t", key=seen.lines(1)[0].count)
    found: set[str] = set()
    with pv.open_csv(
        as_file(text_pieces(seen.path)),
        read_options=pv.ReadOptions(column_names=names, skip_rows=1, encoding="latin-1"),
        parse_options=pv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip"
        ),
        convert_options=pv.ConvertOptions(include_columns=[column], column_types={column: pa.string()}),
    ) as reader:
        for batch in reader:
            found.update(text.strip() for text in pc.unique(batch.column(0)).to_pylist() if text)
    return found


def _footer_date(cells: Iterable[str]) -> str | None:
    """The date in a line such as ``FAOSTAT Date: Tue Oct 20 10:10:26 CEST 2015``."""
    for text in cells:
        if match := FOOTER.match(text):
            return datetime.strptime(f"{match[1]} {match[2]}", "%b %d %Y").date().isoformat()
    return None


def _domain_of_table(seen: Sniffed, names: list[str]) -> str | None:
    if match := BULK.match(seen.name):
        known = _member_domains().get(match["base"].casefold())
        if known:
            return known[0]
    lower = [name.casefold() for name in names]
    if "item code (fbs)" in lower:
        return "FBS"
    place = next(i for i, name in enumerate(lower) if name in {"element code", "elementcode"})
    delimiter = max(",;\t", key=seen.lines(1)[0].count)
    rows = csv.reader(seen.lines(2000)[1:-1], delimiter=delimiter)
    elements = {row[place].strip() for row in rows if len(row) > place}
    domains = {_element_domains().get(element) for element in elements} - {None}
    return domains.pop() if len(domains) == 1 else None


def _title(seen: Sniffed, names: list[str]) -> str:
    delimiter = max(",;\t", key=seen.lines(1)[0].count)
    row = next(csv.reader(seen.lines(2)[1:], delimiter=delimiter), [])
    place = next((i for i, name in enumerate(names) if name.casefold() == "domain"), None)
    return row[place] if place is not None and place < len(row) else "no title"


def _item_columns(found: set[str]) -> bool:
    return any(name.startswith("item code") for name in found)


@cache
def _rows(kind: str) -> dict[str, tuple[str, bool]]:
    rows = read_csv(NAMES).to_pylist()
    return {row["name"]: (row["domain"], row["current"] == "true") for row in rows if row["kind"] == kind}


def _member_domains() -> dict[str, tuple[str, bool]]:
    return {name.casefold(): found for name, found in _rows("member").items()}


def _predecessors() -> dict[str, str]:
    return {name: domain for name, (domain, _) in _rows("domain").items()}


def _element_domains() -> dict[str, str]:
    return {name: domain for name, (domain, _) in _rows("element").items()}
